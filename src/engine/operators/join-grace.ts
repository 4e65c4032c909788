/**
 * Joins of a stream with a versioned table that wait: a record is held until stream time has passed it by `grace`, so that the table
 * can learn late what was valid at the record's time. A record that comes later than that is joined at once.
 */
import type { BuildProcessor, KeptNumber, ProcessorContext } from '../../core/processor.ts'
import { FlowRecord } from '../../core/record.ts'
import type { KeyValueStore } from '../state/key-value.ts'
import type { StoreSpec, TopologyNode } from '../topology/node.ts'
import { isAbsent } from './absent.ts'
import { bufferedKeySerde, bufferedRecordSerde } from './buffered-record.ts'
import type { BufferedKey } from './buffered-record.ts'
import { join, leftJoin } from './join.ts'
import type { JoinParts, Joiner } from './join.ts'

export interface GraceJoinParts extends JoinParts {
  readonly graceMs: number
}

export function joinWithGrace(parts: GraceJoinParts, joiner: Joiner): TopologyNode {
  return holding(parts, join(parts, joiner), false)
}

export function leftJoinWithGrace(parts: GraceJoinParts, joiner: Joiner): TopologyNode {
  return holding(parts, leftJoin(parts, joiner), true)
}

function holding(
  { name, input, graceMs }: GraceJoinParts,
  node: TopologyNode,
  nullKeys: boolean,
): TopologyNode {
  const buffer: StoreSpec = {
    name: `${name}-Buffer`,
    kind: 'key-value',
    key: bufferedKeySerde(input.key),
    value: bufferedRecordSerde(input.value),
    changelog: true,
  }
  return { ...node, stores: [buffer], build: buildHolding(buffer.name, graceMs, node.build!, nullKeys) }
}

/** @param nullKeys null keys are joined with null: there is nothing to wait for */
function buildHolding(
  buffer: string,
  graceMs: number,
  build: BuildProcessor,
  nullKeys: boolean,
): BuildProcessor {
  return (context) => {
    const joining = build(context)
    const held = new Held(context, buffer, graceMs)
    return {
      process: (record) => {
        const { key, value } = record
        const incomplete = isAbsent(value) || (isAbsent(key) && !nullKeys)
        if (incomplete || isAbsent(key) || !held.put(record)) return joining.process(record)
        held.release((released) => joining.process(released))
      },
    }
  }
}

/** The records held in one task. */
class Held {
  readonly #records: KeyValueStore<BufferedKey, FlowRecord>
  readonly #graceMs: number
  /** The latest time of a record held so far. */
  readonly #time: KeptNumber
  readonly #sequence: KeptNumber
  /** Nothing older is held; undefined: not looked yet. */
  #oldest: number | undefined

  constructor(context: ProcessorContext, buffer: string, graceMs: number) {
    this.#records = context.store(buffer)
    this.#graceMs = graceMs
    this.#time = context.kept('stream-time')
    this.#sequence = context.kept('sequence')
  }

  /** False when it is too late to hold it. */
  put(record: FlowRecord): boolean {
    const { key, timestamp } = record
    if (this.#time.value - this.#graceMs > timestamp) return false
    if (timestamp > this.#time.value) this.#time.value = timestamp
    this.#sequence.value = Math.max(0, this.#sequence.value) + 1
    this.#records.put({ timestamp, key, sequence: this.#sequence.value & 0x7fff_ffff }, record, record)
    this.#oldest = Math.min(timestamp, this.#first())
    return true
  }

  /** Lets go, in the order of their times, what stream time has passed by the grace. */
  release(take: (record: FlowRecord) => void): void {
    const until = this.#time.value - this.#graceMs
    if (this.#first() > until) return
    // Should the joiner throw, it is looked up again: those behind must not wait for the next record held.
    this.#oldest = undefined
    for (const [place, record] of this.#records.all()) {
      if (place.timestamp > until) break
      const released = record.withKey(place.key)
      this.#records.delete(place, released)
      take(released)
    }
  }

  /** After a restart there may be records from before. */
  #first(): number {
    if (this.#oldest === undefined) {
      const [first] = this.#records.all()
      this.#oldest = first === undefined ? Number.POSITIVE_INFINITY : first[0].timestamp
    }
    return this.#oldest
  }
}
