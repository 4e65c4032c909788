/** The file with which connections to Kafka are secured. Its secrets go into the connections and nowhere else. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import type { SaslSecurity, Security, TlsSecurity } from '../brokers/kafka/network/security.ts'
import { choiceField, defineConfig, optional, textField } from '../core/config.ts'
import type { Parsed } from '../core/config.ts'
import { problemOf, sluiceError } from '../core/errors.ts'
import { SOURCES } from './settings/layers.ts'
import { expand } from './settings/providers.ts'

const tlsSpec = defineConfig({
  ca: optional(textField({ doc: 'PEM file of authorities to trust instead of those of the system.' })),
  cert: optional(textField({ doc: 'PEM file of the certificate of the client, for mutual TLS.' })),
  key: optional(textField({ doc: 'PEM file of its key.' })),
  passphrase: optional(textField({ doc: 'Of the key.', secret: true })),
  serverName: optional(
    textField({ doc: 'Name that the certificate of the broker must have, where it is not the host.' }),
  ),
})

const saslSpec = defineConfig({
  mechanism: choiceField(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'], {
    doc: 'How to log in.',
    required: true,
  }),
  username: optional(textField({ doc: 'For PLAIN and SCRAM.' })),
  password: optional(textField({ doc: 'For PLAIN and SCRAM.', secret: true })),
  token: optional(
    textField({ doc: 'For OAUTHBEARER; a reference is read anew at every login.', secret: true }),
  ),
})

/**
 * Reads `tls` (`true` or an object of files) and `sasl` of a YAML or JSON file. Texts may refer to secrets as settings may;
 * paths are relative to the file.
 * @throws SLUICE_CONFIG_FILE, SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN, SLUICE_CONFIG_SECRET
 */
export function readSecurity(file: string): Security {
  const { tls, sasl } = readSections(file)
  return {
    ...(tls === undefined || tls === false ? {} : { tls: tlsOf(tls === true ? {} : tls, file) }),
    ...(sasl === undefined ? {} : { sasl: saslOf(sasl, file) }),
  }
}

function readSections(file: string): { readonly tls?: unknown; readonly sasl?: unknown } {
  const refuse = (problem: string, cause?: unknown): Error =>
    sluiceError('SLUICE_CONFIG_FILE', { place: file, problem }, cause)
  let read: unknown
  try {
    read = parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw refuse(problemOf(error), error)
  }
  if (typeof read !== 'object' || read === null) throw refuse('expected `tls:` and `sasl:`')
  const unknown = Object.keys(read).find((name) => name !== 'tls' && name !== 'sasl')
  if (unknown !== undefined) throw refuse(`there is no "${unknown}": it may have \`tls\` and \`sasl\``)
  return read
}

function tlsOf(given: unknown, file: string): TlsSecurity {
  const { ca, cert, key, passphrase, serverName } = tlsSpec.parse(expanded(given, file), `${file}: tls`)
  const read = (path: string | undefined, name: string): Buffer | undefined => {
    if (path === undefined) return undefined
    try {
      return readFileSync(resolve(dirname(file), path))
    } catch (error) {
      const place = `${file}: tls: ${name}`
      throw sluiceError('SLUICE_CONFIG_INVALID', { place, expected: 'a file', came: problemOf(error) })
    }
  }
  const all = { ca: read(ca, 'ca'), cert: read(cert, 'cert'), key: read(key, 'key'), passphrase, serverName }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function saslOf(given: unknown, file: string): SaslSecurity {
  const sasl = saslSpec.parse(expanded(given, file), `${file}: sasl`)
  const wanted = (name: keyof Parsed<typeof saslSpec.fields>): string => {
    const value = sasl[name]
    if (value !== undefined) return value
    const place = `${file}: sasl: ${name}`
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place,
      expected: `text, for ${sasl.mechanism}`,
      came: 'nothing',
    })
  }
  if (sasl.mechanism !== 'OAUTHBEARER')
    return { mechanism: sasl.mechanism, username: wanted('username'), password: wanted('password') }
  wanted('token')
  // Tokens live shorter than connections: the reference is followed each time.
  const { token } = given as { readonly token: string }
  return {
    mechanism: 'OAUTHBEARER',
    token: async () => ({ value: expand(token, `${file}: sasl: token`, SOURCES) }),
  }
}

function expanded(given: unknown, file: string): unknown {
  if (typeof given !== 'object' || given === null) return given
  return Object.fromEntries(
    Object.entries(given).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'string' ? expand(value, `${file}: ${name}`, SOURCES) : value,
    ]),
  )
}
