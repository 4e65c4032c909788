/** Vectors made by Kafka's own Java classes; kept outside the product. Tests that need them say so when they are absent. */
import { existsSync, readFileSync } from 'node:fs'

const file = new URL('../../../../shared/conformance/kafka-streams/bytes.json', import.meta.url)

export const goldenMissing: string | undefined = existsSync(file)
  ? undefined
  : `no golden vectors at ${file.pathname}`

export interface GoldenRecord {
  readonly offset: number
  readonly ts: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string | null])[]
}

export interface GoldenBatch {
  readonly name: string
  readonly compression: string
  readonly baseOffset: number
  readonly lastOffset: number
  readonly partitionLeaderEpoch: number
  readonly crc: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly transactional: boolean
  readonly control: boolean
  readonly maxTimestamp: number
  readonly records: readonly GoldenRecord[]
  readonly hex: string
}

interface Golden {
  readonly recordBatches: readonly GoldenBatch[]
  readonly murmur2: readonly { key: string; murmur2: number; partition: Readonly<Record<string, number>> }[]
}

export function golden(): Golden {
  return JSON.parse(readFileSync(file, 'utf8')) as Golden
}

export function bytesOf(hex: string | null): Buffer | null {
  return hex === null ? null : Buffer.from(hex, 'hex')
}
