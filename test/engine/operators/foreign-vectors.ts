/** Bytes that Kafka Streams' own classes gave for foreign-key joins. */
import { readFileSync } from 'node:fs'

interface ForeignVectors {
  readonly hash128: readonly { readonly text: string; readonly hex: string }[]
  readonly subscription: readonly {
    readonly instructionByte: 0 | 1 | 2 | 3
    readonly hashOf: string | null
    readonly primaryKey: string
    readonly primaryPartition?: number
    readonly hex: string
  }[]
  readonly response: readonly {
    readonly hashOf: string | null
    readonly foreignValue: string | null
    readonly hex: string
  }[]
  readonly combinedKey: readonly {
    readonly foreignKey: string
    readonly primaryKey: string
    readonly hex: string
    readonly prefix: string
  }[]
}

const file = new URL('../../../../shared/conformance/kafka-streams/bytes.json', import.meta.url)

export const vectors: ForeignVectors = (
  JSON.parse(readFileSync(file, 'utf8')) as { readonly foreignKey: ForeignVectors }
).foreignKey

export function hexOf(bytes: Uint8Array | string): string {
  return Buffer.from(bytes as Uint8Array).toString('hex')
}
