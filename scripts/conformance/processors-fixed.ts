/** The fixed-key processors of the cases, as their README defines them. */
import type { FixedKeyContext, FixedKeyProcessor, FixedKeyRecord, KeyValueStore } from '../../src/index.ts'
import type { Step } from './case.ts'
import { text } from './functions.ts'
import type { Value } from './functions.ts'
import { NotYet } from './thing.ts'
import type { Key } from './thing.ts'

type Context = FixedKeyContext<Value>
type Build = (context: Context) => FixedKeyProcessor<Key, Value>

export function fixedProcessorOf(step: Step): Build {
  const make = PROCESSORS[step.processor!]
  if (make === undefined) throw new NotYet(`processValues-${step.processor}`)
  return make(step)
}

const each =
  (process: (context: Context, record: FixedKeyRecord<Key, Value>) => void): Build =>
  (context) => ({ process: (record) => process(context, record) })

const PROCESSORS: Readonly<Record<string, (step: Step) => Build>> = {
  fixedUpper: () =>
    each(({ next }, record) => {
      next(record.withValue(record.value === null ? null : text(record.value).toUpperCase()))
    }),
  fixedForwardN: ({ n = 0 }) =>
    each(({ next }, record) => {
      for (let i = 0; i < n; i++) next(record.withValue(`${text(record.value)}#${i}`))
    }),
  fixedShiftTs: ({ ms = 0 }) =>
    each(({ next }, record) => next(record.withTimestamp(Math.max(0, record.timestamp + ms)))),
  fixedCounter: (step) => (context) => {
    const store = context.store<KeyValueStore<string, Value>>(step.stores![0]!)
    return {
      process: (record) => {
        const key = record.key as string | null
        if (key === null) return
        const count = Number(store.get(key) ?? 0) + 1
        store.put(key, count)
        context.next(record.withValue(count))
      },
    }
  },
  fixedDrop: () => each(({ next }, record) => record.value !== null && next(record)),
}
