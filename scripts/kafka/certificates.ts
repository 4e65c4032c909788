/** Certificates for a test cluster, made by openssl for one run: an authority, a broker's, a client's, and a stranger's authority. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certificates {
  /** PEM of the authority that signed the others. */
  readonly ca: string
  /** For 127.0.0.1 and localhost. */
  readonly broker: CertificateAndKey
  readonly client: CertificateAndKey
  /** An authority that signed nothing here. */
  readonly otherCa: string
}

export interface CertificateAndKey {
  readonly cert: string
  readonly key: string
}

/** Makes them in `folder`. @throws if there is no openssl */
export function makeCertificates(folder: string): Certificates {
  authority(folder, 'ca')
  authority(folder, 'other-ca')
  return {
    ca: readFileSync(join(folder, 'ca.crt'), 'utf8'),
    broker: signed(folder, 'broker', 'subjectAltName=DNS:localhost,IP:127.0.0.1'),
    client: signed(folder, 'client', 'extendedKeyUsage=clientAuth'),
    otherCa: readFileSync(join(folder, 'other-ca.crt'), 'utf8'),
  }
}

const NEW_KEY = ['-newkey', 'rsa:2048', '-nodes']

function authority(folder: string, name: string): void {
  const out = ['-keyout', `${name}.key`, '-out', `${name}.crt`]
  openssl(folder, ['req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=sluice test ${name}`, ...out])
}

function signed(folder: string, name: string, extensions: string): CertificateAndKey {
  const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`]
  openssl(folder, ['req', ...NEW_KEY, '-subj', `/CN=${name}`, ...request])
  writeFileSync(join(folder, `${name}.ext`), extensions)
  const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial']
  const files = ['-in', `${name}.csr`, '-extfile', `${name}.ext`, '-out', `${name}.crt`]
  openssl(folder, ['x509', '-req', '-days', '2', ...by, ...files])
  return {
    cert: readFileSync(join(folder, `${name}.crt`), 'utf8'),
    key: readFileSync(join(folder, `${name}.key`), 'utf8'),
  }
}

function openssl(folder: string, parameters: readonly string[]): void {
  const done = spawnSync('openssl', parameters, { cwd: folder, encoding: 'utf8' })
  if (done.error !== undefined)
    throw new Error('TLS listeners need openssl to make certificates', { cause: done.error })
  if (done.status !== 0) throw new Error(`openssl ${parameters[0]} failed: ${done.stderr}`)
}
