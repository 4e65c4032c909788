/** The committed messages are what the generator makes of Kafka's schemas; checked where Kafka's jar can be had. */
import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { generateFiles } from '../../../../scripts/generate-protocol/files.ts'
import { readJar } from '../../../../scripts/generate-protocol/jar.ts'
import {
  KAFKA_RELEASE,
  clientsJar,
  kafkaLibraries,
  missingTools,
} from '../../../../scripts/kafka/libraries.ts'

const folder = new URL('../../../../src/brokers/kafka/protocol/messages/', import.meta.url)
const missing = missingTools()
if (missing !== undefined)
  console.log(`The generated protocol is not compared with Kafka's schemas: ${missing}.`)

describe.skipIf(missing !== undefined)('the committed messages', () => {
  it('are what the generator makes of the schemas in the jar', { timeout: 120_000 }, async () => {
    const schemas = readJar(clientsJar(kafkaLibraries()), 'common/message/')
    const files = await generateFiles(schemas, KAFKA_RELEASE)
    expect(readdirSync(folder).toSorted()).toEqual(files.map(({ name }) => name).toSorted())
    for (const { name, content } of files) {
      expect(readFileSync(new URL(name, folder), 'utf8'), `${name}: run npm run generate:protocol`).toBe(
        content,
      )
    }
  })
})
