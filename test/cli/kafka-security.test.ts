import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readSecurity } from '../../src/cli/kafka-security.ts'
import { docsPages } from '../documents/docs-page.ts'

const root = new URL('../../', import.meta.url).pathname

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-security-'))
  process.env['KAFKA_PASSWORD'] = 'so secret'
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
  delete process.env['KAFKA_PASSWORD']
})

function file(text: string): string {
  const path = join(folder, 'security.yaml')
  writeFileSync(path, text)
  return path
}

describe('the security file of Kafka', () => {
  it('of the guide gives certificates of the files beside it, and the password of the environment', () => {
    for (const name of ['ca.pem', 'client.pem', 'client.key']) writeFileSync(join(folder, name), name)
    const guide = docsPages(root).find(({ name }) => name === 'guides/kafka.md')!
    const yaml = guide.blocks.find(({ language }) => language === 'yaml')!.text
    expect(readSecurity(file(yaml))).toEqual({
      tls: { ca: Buffer.from('ca.pem'), cert: Buffer.from('client.pem'), key: Buffer.from('client.key') },
      sasl: { mechanism: 'SCRAM-SHA-512', username: 'spending', password: 'so secret' },
    })
  })

  it('may ask for TLS alone, and follows a token anew at each login', async () => {
    expect(readSecurity(file('tls: true'))).toEqual({ tls: {} })
    const { sasl } = readSecurity(file('sasl: { mechanism: OAUTHBEARER, token: "${env:KAFKA_PASSWORD}" }'))
    process.env['KAFKA_PASSWORD'] = 'another'
    expect(sasl?.mechanism === 'OAUTHBEARER' && (await sasl.token())).toEqual({ value: 'another' })
  })

  it.each([
    ['tls: { ca: nowhere.pem }', 'tls: ca: expected a file'],
    ['ssl: true', 'there is no "ssl"'],
    ['sasl: { mechanism: PLAIN, username: me }', 'sasl: password: expected text, for PLAIN, got nothing'],
    ['sasl: { mechanism: GSSAPI }', 'sasl: mechanism: expected'],
    ['sasl: { mechanism: PLAIN, user: me }', 'unknown option "user"'],
    [
      'sasl: { mechanism: PLAIN, username: me, password: "${env:NOWHERE}" }',
      'the environment has no NOWHERE',
    ],
  ])('refuses %s with what is wrong', (text, problem) => {
    expect(() => readSecurity(file(text))).toThrow(problem)
  })

  it('never shows a password in an error', () => {
    const text = 'sasl: { mechanism: PLAIN, username: me, password: [hush] }'
    expect(() => readSecurity(file(text))).toThrow(expect.not.objectContaining({ message: 'hush' }) as Error)
  })
})
