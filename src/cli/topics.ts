/** The topics a plan names, with their serdes: what `--input` may fill and `--print` may show. */
import { nearest } from '../core/config.ts'
import { sluiceError } from '../core/errors.ts'
import type { Bytes } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import type { Plan } from '../engine/topology/plan.ts'
import { json, string } from '../serdes/index.ts'

export interface TopicSerdes {
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
}

/** Everything read or written by the user's own topics, by name. */
export function serdesOf(plan: Plan): ReadonlyMap<string, TopicSerdes> {
  const found = new Map<string, TopicSerdes>(plan.globals.map((global) => [global.topic, global]))
  for (const { source, sink } of plan.subtopologies.flatMap(({ nodes }) => nodes)) {
    if (source !== undefined) for (const topic of source.topics) found.set(topic, source)
    if (sink !== undefined && sink.topicOf === undefined) found.set(sink.topic, sink)
  }
  return found
}

/**
 * @param given what stands on the command line
 * @throws SLUICE_CONFIG_INVALID with the names there are
 */
export function checkTopic(given: string, known: readonly string[], option: string): void {
  if (known.includes(given)) return
  const close = nearest(given, known)
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: option,
    expected: `one of the application's topics: ${known.join(', ') || '(none)'}`,
    came: close === undefined ? given : `${given} (did you mean ${close}?)`,
  })
}

/** Shows bytes of any format: by the serde, and where that refuses, as text. */
export function lenient(serde: Serde<unknown>): Pick<Serde<unknown>, 'deserialize'> {
  return {
    deserialize(bytes) {
      try {
        const value = serde.deserialize(bytes)
        return typeof value === 'bigint' ? String(value) : value
      } catch {
        return Buffer.from(bytes).toString('utf8')
      }
    },
  }
}

/** For topics whose format nobody declared, such as dead letters: JSON where it is, else text. */
export const ANY_FORMAT: TopicSerdes = { key: string, value: json() }

/** Shows bytes of any topic of a plan as something JSON can say. */
export function shower(plan: Plan): (topic: string, side: 'key' | 'value', bytes: Bytes) => unknown {
  const serdes = serdesOf(plan)
  return (topic, side, bytes) => {
    const shown = lenient((serdes.get(topic) ?? ANY_FORMAT)[side]).deserialize(bytes)
    return shown instanceof Uint8Array ? Buffer.from(shown).toString('base64') : jsonSafe(shown)
  }
}

/** Integers of 64 bits inside a value are no JSON: as text they keep every digit. */
function jsonSafe(shown: unknown): unknown {
  if (typeof shown !== 'object' || shown === null) return shown
  const safe = JSON.stringify(shown, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part))
  return JSON.parse(safe)
}
