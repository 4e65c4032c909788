/**
 * Writes src/brokers/kafka/protocol/messages out of the message schemas in Kafka's own jar, and with `--vectors` the test
 * vectors made by Kafka's own classes. `node scripts/generate-protocol/main.ts [--vectors]`
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { KAFKA_RELEASE, clientsJar, kafkaLibraries, missingTools } from '../kafka/libraries.ts'
import { generateFiles } from './files.ts'
import { readJar } from './jar.ts'
import { writeVectors } from './vectors.ts'

const folder = new URL('../../src/brokers/kafka/protocol/messages/', import.meta.url)

const missing = missingTools()
if (missing !== undefined) {
  console.error(`The schemas come with Kafka's jar, which Maven fetches: ${missing}.`)
  process.exit(1)
}

const libraries = kafkaLibraries()
const schemas = readJar(clientsJar(libraries), 'common/message/')
const files = await generateFiles(schemas, KAFKA_RELEASE)
mkdirSync(folder, { recursive: true })
const wanted = new Set(files.map(({ name }) => name))
for (const name of readdirSync(folder)) if (!wanted.has(name)) rmSync(new URL(name, folder))
for (const { name, content } of files) writeFileSync(new URL(name, folder), content)
const lines = files.reduce((sum, { content }) => sum + content.split('\n').length - 1, 0)
console.log(`${files.length} files, ${lines} lines`)
if (process.argv.includes('--vectors')) writeVectors(schemas, libraries)
