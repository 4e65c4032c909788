/** Runs Vectors.java: the file of messages made by Kafka's own classes that the codecs are tested against. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { APIS, EMBEDDED } from './apis.ts'
import { parseSchema } from './schema.ts'
import { parseRange } from './versions.ts'

const PER_VERSION = 5
const file = new URL('../../test/brokers/kafka/vectors/messages.tsv.gz', import.meta.url)

/**
 * Writes the vectors of every message that code is generated for.
 * @param libraries folder of Kafka's jars
 */
export function writeVectors(schemas: ReadonlyMap<string, string>, libraries: string): void {
  mkdirSync(new URL('./', file), { recursive: true })
  const names = APIS.flatMap(({ name }) => [`${name}Request`, `${name}Response`])
  const messages = [...names, ...EMBEDDED].map((name) => `${name}:${latestVersion(name, schemas)}`)
  const program = fileURLToPath(new URL('./Vectors.java', import.meta.url))
  const java = spawnSync(
    'java',
    ['-cp', `${libraries}/*`, program, fileURLToPath(file), String(PER_VERSION), ...messages],
    { encoding: 'utf8' },
  )
  if (java.status !== 0) throw new Error(`Vectors.java failed:\n${java.stderr}`)
}

function latestVersion(name: string, schemas: ReadonlyMap<string, string>): number {
  const schema = parseSchema(schemas.get(`${name}.json`)!)
  const request = parseSchema(schemas.get(`${name.replace(/Response$/, 'Request')}.json`)!)
  const latest = parseRange(schema.validVersions)!.to
  return request.latestVersionUnstable === true ? latest - 1 : latest
}
