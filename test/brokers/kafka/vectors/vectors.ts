/** The messages that Kafka's own classes made (scripts/generate-protocol/Vectors.java), and our codecs for them by name. */
import { readFileSync, readdirSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Reader } from '../../../../src/brokers/kafka/protocol/reader.ts'
import type { Writer } from '../../../../src/brokers/kafka/protocol/writer.ts'

export interface Vector {
  readonly name: string
  readonly version: number
  readonly bytes: Buffer
  /** As Kafka's own converter prints the message. */
  readonly json: unknown
}

/** A line of Kafka's list of errors. */
export interface KnownError {
  readonly code: number
  readonly name: string
  readonly traits: readonly string[]
}

export interface Codec {
  read(input: Reader, version: number): object
  write(output: Writer, body: object, version: number): void
}

const messages = new URL('../../../../src/brokers/kafka/protocol/messages/', import.meta.url)

const lines = gunzipSync(readFileSync(new URL('messages.tsv.gz', import.meta.url)))
  .toString()
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => line.split('\t') as [string, string, string, string])

export const vectors: readonly Vector[] = lines
  .filter(([name]) => name !== 'Error')
  .map(([name, version, base64, json]) => ({
    name,
    version: Number(version),
    bytes: Buffer.from(base64, 'base64'),
    json: JSON.parse(json) as unknown,
  }))

export const knownErrors: readonly KnownError[] = lines
  .filter(([name]) => name === 'Error')
  .map(([, code, name, traits]) => ({ code: Number(code), name, traits: traits.split(',') }))

/** The codec of every generated message by its name. */
export async function loadCodecs(): Promise<ReadonlyMap<string, Codec>> {
  const codecs = new Map<string, Codec>()
  for (const file of readdirSync(messages)) {
    const module = (await import(new URL(file, messages).href)) as Record<string, unknown>
    for (const name of new Set(vectors.map((vector) => vector.name))) {
      const read = module[`read${name}`]
      if (read === undefined) continue
      codecs.set(name, { read, write: module[`write${name}`] } as Codec)
    }
  }
  return codecs
}
