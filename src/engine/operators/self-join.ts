/**
 * A join of a stream with itself that keeps its records once. It gives what the join with two stores gives, in the same order; left
 * and outer joins become inner ones, since a record always finds itself (as Kafka Streams optimises).
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { WindowStore } from '../state/windowed-store.ts'
import { isAbsent } from './absent.ts'
import type { Joiner } from './join.ts'
import type { JoinWindow } from './unmatched.ts'

/** @param store of the stream's records, in which a record is put before it comes here */
export function buildSelfJoin(store: string, window: JoinWindow, joiner: Joiner): BuildProcessor {
  const { beforeMs, afterMs, graceMs } = window
  const retentionMs = beforeMs + afterMs + graceMs
  return (context) => {
    const { next } = context
    const records = context.store<WindowStore<unknown, unknown>>(store)
    const streamTime = context.kept('stream-time')
    const emit = (record: FlowRecord, value: unknown, timestamp: number): void =>
      next(record.withValue(value).withTimestamp(timestamp))
    const around = (key: unknown, from: number, to: number): IterableIterator<[number, unknown]> =>
      records.fetchRange(key, Math.max(0, from), Math.max(0, to))
    return {
      process: (record) => {
        const { key, value, timestamp: own } = record
        if (isAbsent(key)) return context.drop(record, 'null key in a join')
        if (isAbsent(value)) return context.drop(record, 'null value in a join')
        if (own > streamTime.value) streamTime.value = own
        for (const [time, other] of around(key, own - beforeMs, own + afterMs))
          emit(record, joiner(value, other, key), Math.max(own, time))
        // The pair of the record with itself comes once, before those with later records.
        let paired = own <= streamTime.value - retentionMs + 1
        const pair = (): void => {
          if (!paired) emit(record, joiner(value, value, key), own)
          paired = true
        }
        for (const [time, other] of around(key, own - afterMs, own + beforeMs)) {
          if (time > own) pair()
          emit(record, joiner(other, value, key), Math.max(own, time))
        }
        pair()
      },
    }
  }
}
