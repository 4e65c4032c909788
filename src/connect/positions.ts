/**
 * Where a source stands, kept in the compacted topic `<name>-source-positions`. It is written in the transaction of the
 * records it covers, so that whoever reads it with read_committed knows exactly what is in the topics.
 */
import type { Broker } from '../core/broker.ts'
import type { Clock } from '../core/clock.ts'
import { sluiceError } from '../core/errors.ts'

/** @returns the name of the topic that holds positions of the source */
export function positionsTopic(source: string): string {
  return `${source}-source-positions`
}

export function encodePosition(position: string): string {
  return JSON.stringify({ version: 1, position })
}

/**
 * The last committed position of a source, or undefined when it never wrote anything.
 * @throws SLUICE_BROKER_UNAVAILABLE when the topic cannot be read to its end within 30 s
 */
export async function readPosition(
  broker: Broker,
  clock: Clock,
  source: string,
): Promise<string | undefined> {
  const topic = positionsTopic(source)
  const end = await broker.admin.listOffset(topic, 0, 'latest', 'read_committed')
  let at = await broker.admin.listOffset(topic, 0, 'earliest', 'read_committed')
  let last: string | undefined
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  const giveUp = clock.monotonic() + 30_000
  try {
    fetcher.add(topic, 0, at)
    while (at < end) {
      await fetcher.arrived(1000)
      for (const batch of fetcher.take()) {
        if (batch.kind === 'failed') throw batch.error
        for (let index = 0; index < batch.count; index++) last = decode(batch.valueAt(index), topic)
        at = batch.nextOffset
      }
      if (at < end && clock.monotonic() > giveUp) {
        throw sluiceError('SLUICE_BROKER_UNAVAILABLE', {
          operation: `read the position of source "${source}"`,
          problem: `${topic} stays at offset ${at} of ${end}`,
        })
      }
    }
  } finally {
    fetcher.close()
  }
  return last
}

function decode(value: Uint8Array | null, topic: string): string | undefined {
  if (value === null) return undefined
  const text = Buffer.from(value).toString('utf8')
  const kept = parse(text)
  if (kept !== undefined && kept.version === 1 && typeof kept.position === 'string') return kept.position
  // Starting from the beginning instead would write every record a second time.
  throw sluiceError('SLUICE_UNSUPPORTED', {
    what: `the position in ${topic}`,
    problem: `expected version 1, got ${text.slice(0, 200)}`,
    remedy:
      'Use the version of Sluice that wrote it, or give the source another name to read everything again.',
  })
}

function parse(text: string): { readonly version?: unknown; readonly position?: unknown } | undefined {
  try {
    const kept: unknown = JSON.parse(text)
    return typeof kept === 'object' && kept !== null ? kept : undefined
  } catch {
    return undefined
  }
}
