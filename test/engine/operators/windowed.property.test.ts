/** Windowed aggregations against a naive recomputation of every window from all records. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  defineApp,
  hopping,
  json,
  session,
  sliding,
  string,
  topic,
  tumbling,
  untilWindowCloses,
} from '../../../src/index.ts'
import type { Flow, Serde, Windowed } from '../../../src/index.ts'
import { sessionWindowed, timeWindowed } from '../../../src/serdes/index.ts'
import { createDriver } from '../../../src/testing/index.ts'

type Key = 'a' | 'b'
interface Input {
  readonly key: Key
  readonly value: string
  readonly time: number
}
type Update = readonly [window: string, value: string | null, time: number]

const input = topic('in', { key: string, value: json<string>() })

const traces = (latest: number): fc.Arbitrary<Input[]> =>
  fc.array(
    fc.record({
      key: fc.constantFrom<Key>('a', 'b'),
      value: fc.constantFrom('x', 'y', 'z'),
      time: fc.integer({ min: 0, max: latest }),
    }),
    { maxLength: 40 },
  )

/** Feeds a trace and gives what came out after each record, and the number of drops. */
async function run(
  draw: (flow: Flow, out: ReturnType<typeof topic<Windowed<string>, string>>) => void,
  keys: Serde<Windowed<string>>,
  trace: readonly Input[],
  intervalMs = 0,
): Promise<{ readonly updates: readonly Update[]; readonly drops: number }> {
  const out = topic('out', { key: keys, value: json<string>() })
  const app = defineApp('test', (flow) => draw(flow, out))
  const settings = { windowCloseIntervalMs: intervalMs }
  const driver = await createDriver(app.plan(), { settings })
  const updates: Update[] = []
  for (const { key, value, time } of trace) {
    driver.pipe(input, { key, value, timestamp: time })
    for (const { key: window, value: result, timestamp } of driver.read(out))
      updates.push([nameOf(window!), result, timestamp])
  }
  const drops = driver.metrics
    .samples()
    .filter(({ name }) => name === 'dropped-records-total')
    .reduce((sum, { value }) => sum + value, 0)
  driver.close()
  return { updates, drops }
}

function nameOf({ key, start, end }: Windowed<string>): string {
  return `${key}@${start}-${end}`
}

/** In an order that does not depend on the one they came in. */
function sorted(entries: readonly unknown[]): readonly string[] {
  return entries.map((entry) => JSON.stringify(entry)).toSorted((one, other) => (one < other ? -1 : 1))
}

const append = { init: () => '', add: (so: string, value: string) => so + value }
const merging = { ...append, merge: (one: string, other: string) => one + other }

/** All starts of windows of a size, an advance apart, that a time lies in. */
function startsOf(time: number, size: number, advance: number): number[] {
  return Array.from({ length: Math.floor(time / advance) + 1 }, (_, index) => index * advance).filter(
    (start) => start <= time && time < start + size,
  )
}

/** The last update of each window; deleted ones are left out. */
function lastOf(updates: readonly Update[]): Record<string, string> {
  const last = new Map<string, string | null>()
  for (const [window, value] of updates) last.set(window, value)
  return Object.fromEntries([...last].filter((entry): entry is [string, string] => entry[1] !== null))
}

const stepped = fc
  .record({ size: fc.integer({ min: 1, max: 20 }), share: fc.integer({ min: 1, max: 4 }) })
  .map(({ size, share }) => ({ size, advance: Math.max(1, Math.floor(size / share)) }))

describe('tumbling and hopping windows', () => {
  test('update every open window of a record, in order, under the later of both times', async () => {
    const graces = fc.integer({ min: 0, max: 30 })
    await fc.assert(
      fc.asyncProperty(traces(100), stepped, graces, async (trace, { size, advance }, grace) => {
        const window = size === advance ? tumbling(size, { grace }) : hopping(size, { advance, grace })
        const found = await run(
          (flow, out) => {
            const group = flow.stream(input).groupByKey().windowedBy(window)
            group
              .aggregate({ ...append, emit: 'every', value: json<string>() })
              .toStream()
              .to(out)
          },
          timeWindowed(string, size),
          trace,
        )
        const wanted: Update[] = []
        const held = new Map<string, { value: string; time: number }>()
        let [streamTime, drops] = [-1, 0]
        for (const { key, value, time } of trace) {
          streamTime = Math.max(streamTime, time)
          for (const start of startsOf(time, size, advance)) {
            if (start + size <= streamTime - grace) drops++
            else {
              const name = nameOf({ key, start, end: start + size })
              const so = held.get(name) ?? { value: '', time: -1 }
              const next = { value: so.value + value, time: Math.max(so.time, time) }
              held.set(name, next)
              wanted.push([name, next.value, next.time])
            }
          }
        }
        expect(found).toEqual({ updates: wanted, drops })
      }),
      { numRuns: 60 },
    )
  })

  test('emit one final result per window when it closes, however long the looks are apart', async () => {
    const throttles = fc.constantFrom(0, 1_000_000)
    await fc.assert(
      fc.asyncProperty(traces(400), stepped, throttles, async (trace, { size, advance }, interval) => {
        const draw = (emit: 'every' | 'final'): Parameters<typeof run>[0] => {
          const window = hopping(size, { advance, grace: 10 })
          return (flow, out) => {
            const group = flow.stream(input).groupByKey().windowedBy(window)
            group
              .aggregate({ ...append, emit, value: json<string>() })
              .toStream()
              .to(out)
          }
        }
        // Far enough to close everything and to take it out of the store.
        const ended = [...trace, { key: 'a', value: 'end', time: 1_000_000 } as const]
        const every = await run(draw('every'), timeWindowed(string, size), ended)
        const final = await run(draw('final'), timeWindowed(string, size), ended, interval)
        const closed = Object.entries(lastOf(every.updates)).filter(([, value]) => !value.includes('end'))
        expect(sorted(final.updates.map(([window, value]) => [window, value]))).toEqual(sorted(closed))
        expect(final.drops).toBe(every.drops)
      }),
      { numRuns: 60 },
    )
  })

  test('give the same final results through suppress as through emit final', async () => {
    await fc.assert(
      fc.asyncProperty(traces(100), stepped, async (trace, { size, advance }) => {
        const window = hopping(size, { advance, grace: 5 })
        const final: Parameters<typeof run>[0] = (flow, out) => {
          const group = flow.stream(input).groupByKey().windowedBy(window)
          group
            .aggregate({ ...append, emit: 'final', value: json<string>() })
            .toStream()
            .to(out)
        }
        const suppressed: Parameters<typeof run>[0] = (flow, out) => {
          const group = flow.stream(input).groupByKey().windowedBy(window)
          const table = group.aggregate({ ...append, emit: 'every', value: json<string>() })
          table.suppress(untilWindowCloses()).toStream().to(out)
        }
        const ended = [...trace, { key: 'a', value: 'end', time: 500 } as const]
        const one = await run(final, timeWindowed(string, size), ended)
        const other = await run(suppressed, timeWindowed(string, size), ended)
        expect(sorted(other.updates)).toEqual(sorted(one.updates))
      }),
      { numRuns: 40 },
    )
  })
})

describe('sliding windows', () => {
  test('have a window for every set of records no further apart than the difference', async () => {
    const differences = fc.integer({ min: 0, max: 15 })
    await fc.assert(
      fc.asyncProperty(traces(80), differences, async (trace, difference) => {
        const found = await run(
          (flow, out) => {
            const group = flow
              .stream(input)
              .groupByKey()
              .windowedBy(sliding(difference, { grace: 1_000 }))
            const count = (so: string): string => String(Number(so) + 1)
            group
              .aggregate({ init: () => '0', add: count, emit: 'every', value: json<string>() })
              .toStream()
              .to(out)
          },
          timeWindowed(string, difference),
          trace,
        )
        const wanted: Record<string, string> = {}
        for (const { key, time } of trace) {
          for (const start of [Math.max(0, time - difference), time + 1]) {
            const end = start + difference
            const inside = trace.filter((one) => one.key === key && one.time >= start && one.time <= end)
            if (inside.length > 0) wanted[nameOf({ key, start, end })] = String(inside.length)
          }
        }
        expect(lastOf(found.updates)).toEqual(wanted)
      }),
      { numRuns: 80 },
    )
  })
})

describe('sessions', () => {
  test('join records without a longer gap than allowed, whatever order they come in', async () => {
    const gaps = fc.integer({ min: 0, max: 12 })
    await fc.assert(
      fc.asyncProperty(traces(120), gaps, fc.constantFrom('every', 'coalesced'), async (trace, gap, emit) => {
        const found = await run(
          (flow, out) => {
            const group = flow
              .stream(input)
              .groupByKey()
              .windowedBy(session(gap, { grace: 1_000 }))
            group
              .aggregate({ ...merging, emit, value: json<string>() })
              .toStream()
              .to(out)
          },
          sessionWindowed(string),
          trace,
        )
        const lengths = Object.entries(lastOf(found.updates)).map(([name, value]) => [name, value.length])
        expect(Object.fromEntries(lengths)).toEqual(sessionsOf(trace, gap))
      }),
      { numRuns: 80 },
    )
  })

  test('emit each final session once, with all of its records', async () => {
    await fc.assert(
      fc.asyncProperty(traces(120), fc.integer({ min: 0, max: 12 }), async (trace, gap) => {
        const ordered = trace.toSorted((one, other) => one.time - other.time)
        const found = await run(
          (flow, out) => {
            const group = flow.stream(input).groupByKey().windowedBy(session(gap))
            group
              .aggregate({ ...merging, emit: 'final', value: json<string>() })
              .toStream()
              .to(out)
          },
          sessionWindowed(string),
          [...ordered, { key: 'a', value: 'end', time: 10_000 }],
        )
        const lengths = found.updates.map(([name, value]) => [name, value!.length])
        expect(lengths).toHaveLength(new Set(lengths.map(([name]) => name)).size)
        expect(Object.fromEntries(lengths)).toEqual(sessionsOf(trace, gap))
      }),
      { numRuns: 60 },
    )
  })
})

/** Sessions and their numbers of records. */
function sessionsOf(trace: readonly Input[], gap: number): Record<string, number> {
  const sessions: Record<string, number> = {}
  for (const key of ['a', 'b']) {
    const times = trace.filter((one) => one.key === key).map(({ time }) => time)
    times.sort((one, other) => one - other)
    let [first, count] = [0, 0]
    times.forEach((time, index) => {
      if (count === 0) first = time
      count++
      const next = times[index + 1]
      if (next !== undefined && next - time <= gap) return
      sessions[nameOf({ key, start: first, end: time })] = count
      count = 0
    })
  }
  return sessions
}
