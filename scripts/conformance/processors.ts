/** The processors of the cases, as their README defines them. */
import type { KeyValueStore, ProcessContext, TimestampedStore, UserProcessor } from '../../src/index.ts'
import type { Step } from './case.ts'
import { keyFunction, text } from './functions.ts'
import type { Value } from './functions.ts'
import { COMMANDS } from './processor-commands.ts'

import { NotYet } from './thing.ts'
/** Processors of cases never stand behind windows. */
type Key = string | null

type Context = ProcessContext<string, Value>
type Build = (context: Context) => UserProcessor<Key, Value>
type Store = KeyValueStore<string, Value>
/** What goes on has text keys by type; null passes as it does in Kafka. */
type Forwarded = Parameters<Context['next']>[0]

export function processorOf(step: Step): Build {
  const make = PROCESSORS[step.processor!] ?? COMMANDS[step.processor!]
  if (make === undefined) throw new NotYet(`process-${step.processor}`)
  return make(step)
}

const kind = (clock: Step['clock']): 'stream-time' | 'wall-clock' =>
  clock === 'wall' ? 'wall-clock' : 'stream-time'

const each =
  (process: (context: Context, record: Forwarded) => void): Build =>
  (context) => ({ process: (record) => process(context, record as Forwarded) })

function storeOf(context: Context, step: Step): Store {
  return context.store<Store>(step.stores![0]!)
}

const PROCESSORS: Readonly<Record<string, (step: Step) => Build>> = {
  passthrough: () => each(({ next }, record) => next(record)),
  forwardN: ({ n = 0 }) =>
    each(({ next }, record) => {
      for (let i = 0; i < n; i++) next(record.withValue(`${text(record.value)}#${i}`))
    }),
  shiftTs: ({ ms = 0 }) =>
    each(({ next }, record) => next(record.withTimestamp(Math.max(0, record.timestamp + ms)))),
  rekey: ({ key: select }) => {
    const key = keyFunction(select!)
    return each(({ next }, record) => next(record.withKey(key(record.value, record.key) as string)))
  },
  addHeader: ({ header, headerValue }) =>
    each(({ next }, record) => {
      const value = Buffer.from(headerValue ?? text(record.value))
      next(record.withHeaders([...record.headers, { key: header!, value }]))
    }),
  route: () => (context) => {
    const [left, right] = [context.forwardTo('left'), context.forwardTo('right')]
    return {
      process: (record) => {
        const first = text(record.value).at(0)
        const next = first === 'L' ? left : first === 'R' ? right : context.next
        next(record as Forwarded)
      },
    }
  },
  context: () =>
    each(({ next, streamTime, wallClock, task }, record) => {
      const { topic, partition, offset, timestamp } = record
      const from = topic === '' ? 'none' : `${topic}-${partition}-${offset}`
      const id = `${task.subtopology}_${task.partition}`
      const told = [text(record.value), from, timestamp, streamTime(), wallClock(), id]
      next(record.withValue(told.join('|')))
    }),
  dropHeaders: () => each(({ next }, record) => next(record.withHeaders([]))),
  dedup: (step) => (context) => {
    const store = storeOf(context, step)
    return {
      process: (record) => {
        const { key, value } = record
        if (key === null) return
        if (value !== null && store.get(key) === value) return
        store.put(key, value)
        context.next(record as Forwarded)
      },
    }
  },
  counter: (step) => (context) => {
    const store = storeOf(context, step)
    return {
      process: (record) => {
        if (record.key === null) return
        const count = Number(store.get(record.key) ?? 0) + 1
        store.put(record.key, count)
        context.next((record as Forwarded).withValue(count))
      },
    }
  },
  emitEvery: (step) => (context) => {
    const store = storeOf(context, step)
    context.schedule(step.interval!, kind(step.clock), (time) => {
      for (const [key, value] of store.all()) {
        context.emit(key, value, time)
        if (step.clear === true) store.delete(key)
      }
    })
    return { process: ({ key, value }) => void (key !== null && store.put(key, value)) }
  },
  ttl: (step) => (context) => {
    const store = context.store<TimestampedStore<string, Value>>(step.stores![0]!)
    context.schedule(step.interval!, kind(step.clock), (time) => {
      for (const [key, { timestamp }] of store.all()) {
        if (timestamp + step.ttl! > time) continue
        store.delete(key)
        context.emit(key, null, time)
      }
    })
    return {
      process: (record) => {
        if (record.key === null) return
        store.put(record.key, record.value, record.timestamp)
        context.next(record as Forwarded)
      },
    }
  },
  punctuateLog: (step) => (context) => {
    schedulePunct(context, step)
    return { process: (record) => context.next(record as Forwarded) }
  },
  scheduleInProcess: (step) => (context) => {
    let scheduled = false
    return {
      process: (record) => {
        if (!scheduled) schedulePunct(context, step)
        scheduled = true
        context.next(record as Forwarded)
      },
    }
  },
  twoClocks: (step) => (context) => {
    context.schedule(step.interval!, 'stream-time', (time) => context.emit('stream', `S${time}`, time))
    context.schedule(step.interval!, 'wall-clock', (time) => context.emit('wall', `W${time}`, time))
    return { process: (record) => context.next(record as Forwarded) }
  },
}

function schedulePunct(context: Context, step: Step): void {
  let times = 0
  const schedule = context.schedule(step.interval!, kind(step.clock), (time) => {
    context.emit('punct', String(time), time)
    if (++times === step.cancelAfter) schedule.cancel()
  })
}
