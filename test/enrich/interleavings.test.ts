/**
 * Every interleaving of a few records, exhaustively: any call answers or fails (also one given up), the next timer rings, the
 * task closes. Each record has exactly one outcome, in order, and nothing is left.
 */
import { expect, it } from 'vitest'
import type { AsyncOperator } from '../../src/core/async-operator.ts'
import { enrichment } from '../../src/enrich/enrichment.ts'
import { batchSource, source } from '../../src/enrich/sources/source.ts'
import type { SourceOptions } from '../../src/enrich/sources/source.ts'
import { deferredSource, testHost, ticketOf } from './virtual.ts'
import type { Deferred, TestHost } from './virtual.ts'

interface Plan {
  readonly records: number
  readonly order: 'key' | 'none'
  /** Promises run after each event; otherwise several events happen in one turn. */
  readonly flush: boolean
  readonly depth: number
  readonly options?: SourceOptions
  /** Records are asked for together. */
  readonly together?: boolean
}

interface World {
  readonly host: TestHost
  readonly operator: AsyncOperator
  readonly calls: Deferred[]
  readonly answered: Set<Deferred>
  closed: boolean
}

type Event = { readonly name: string; readonly run: () => void }

function answersOf(world: World, call: Deferred, at: number): Event[] {
  const answer = (name: string, run: () => void): Event => ({
    name: `${name} ${at}`,
    run: () => {
      world.answered.add(call)
      run()
    },
  })
  const reject = answer('reject', () => call.reject(new Error('no')))
  if (!Array.isArray(call.value)) return [answer('complete', () => call.resolve(at)), reject]
  const some = call.value.map((_, place) => (place === 0 ? new Error('no') : at))
  const all = answer('complete', () => call.resolve(some.map(() => at)))
  return [all, answer('complete in part', () => call.resolve(some)), reject]
}

function events(world: World): Event[] {
  const { calls, answered, host, operator } = world
  const answers = calls.flatMap((call, at) => (answered.has(call) ? [] : answersOf(world, call, at)))
  const timer: Event[] = host.clock.timers > 0 ? [{ name: 'timer', run: () => host.clock.ringNext() }] : []
  const close: Event = {
    name: 'close',
    run: () => {
      operator.close()
      world.closed = true
    },
  }
  return [...answers, ...timer, ...(world.closed ? [] : [close])]
}

async function microtasks(): Promise<void> {
  for (let at = 0; at < 4; at++) await Promise.resolve()
}

function worldOf({ order, options, together }: Plan): World {
  const host = testHost()
  const { calls, ask } = deferredSource()
  const all: SourceOptions = { timeout: 1000, retry: { retries: 1, delay: 100 }, ...options }
  const asked =
    together === true
      ? batchSource((values, call) => ask(values, undefined, call) as Promise<unknown[]>, all)
      : source(ask, all)
  const operator = enrichment(asked, { order, concurrency: 2, deadline: 2500 }).open(host)
  return { host, operator, calls, answered: new Set(), closed: false }
}

/** Replays a path of choices, checks the invariants, and says how many choices there are at its end. */
async function replay(path: readonly number[], plan: Plan): Promise<number> {
  const { records, order, flush } = plan
  const world = worldOf(plan)
  const { host, operator } = world
  const trace: string[] = []
  let settledAtClose = 0
  for (let at = 0; at < records; at++) operator.admit(ticketOf(host.clock, at, 'k', at, { deadlineMs: 2500 }))
  for (const choice of path) {
    const event = events(world)[choice]!
    trace.push(event.name)
    event.run()
    if (event.name === 'close') settledAtClose = host.settled.length
    if (flush) await microtasks()
  }
  const choices = events(world).length
  await microtasks()
  while (host.clock.ringNext()) await microtasks()
  const outcomes = host.settled.map(({ ticket }) => ticket.sequence)
  const sorted = outcomes.toSorted((a, b) => a - b)
  const levels = ['enrich-in-flight', 'enrich-pending', 'enrich-breaker-held']
  const left = [host.clock.timers, ...levels.map((name) => host.metric(name))]
  expect({
    after: trace,
    twice: new Set(outcomes).size !== outcomes.length,
    outcomes: outcomes.length,
    inOrder: order === 'none' || String(sorted) === String(outcomes),
    left,
  }).toEqual({
    after: trace,
    twice: false,
    outcomes: world.closed ? settledAtClose : records,
    inOrder: true,
    left: [0, 0, 0, 0],
  })
  return choices
}

const TOUCHY = { window: 1, minimum: 1, wait: 500, probes: 1 } as const

it.each<Plan>([
  { records: 2, order: 'key', flush: true, depth: 6 },
  { records: 2, order: 'key', flush: false, depth: 6 },
  { records: 2, order: 'none', flush: true, depth: 5 },
  { records: 3, order: 'key', flush: true, depth: 5 },
  { records: 3, order: 'none', flush: false, depth: 5 },
  { records: 2, order: 'key', flush: true, depth: 6, options: { breaker: TOUCHY } },
  { records: 3, order: 'none', flush: false, depth: 5, options: { breaker: TOUCHY } },
  {
    records: 3,
    order: 'key',
    flush: true,
    depth: 5,
    options: { breaker: { ...TOUCHY, whenOpen: 'give-up' } },
  },
  { records: 3, order: 'key', flush: true, depth: 6, together: true },
  { records: 3, order: 'none', flush: false, depth: 5, together: true, options: { batch: { size: 2 } } },
  {
    records: 3,
    order: 'key',
    flush: true,
    depth: 6,
    together: true,
    options: { breaker: TOUCHY, batch: { size: 2 } },
  },
  { records: 2, order: 'key', flush: true, depth: 5, options: { hedge: { after: 300, budget: 1 } } },
  { records: 2, order: 'none', flush: false, depth: 5, options: { hedge: { after: 300, budget: 1 } } },
  {
    records: 2,
    order: 'key',
    flush: true,
    depth: 5,
    options: { hedge: { after: 300, budget: 1 }, breaker: TOUCHY },
  },
  { records: 3, order: 'none', flush: true, depth: 6, options: { rate: { limit: '2/s', burst: 1 } } },
  {
    records: 3,
    order: 'key',
    flush: false,
    depth: 6,
    options: { rate: { limit: '4/s', burst: 1 }, breaker: TOUCHY, retry: { delay: 10, budget: 0.1 } },
  },
])(
  'one outcome for each of $records records in $order order (flushed: $flush) to depth $depth, with $options, together: $together',
  async (plan) => {
    let paths = 0
    const walk = async (path: readonly number[]): Promise<void> => {
      paths++
      const choices = await replay(path, plan)
      if (path.length === plan.depth) return
      for (let choice = 0; choice < choices; choice++) await walk([...path, choice])
    }
    await walk([])
    expect(paths).toBeGreaterThan(300)
  },
)
