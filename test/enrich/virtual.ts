/** A virtual clock, seeded chance and a host that records outcomes, for tests of the asynchronous operator. */
import type { AsyncHost, AsyncOutcome, Ticket } from '../../src/core/async-operator.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { HttpClient } from '../../src/core/http.ts'
import { SILENT } from '../../src/core/log.ts'
import { createMetrics } from '../../src/core/metrics.ts'
import type { Metrics } from '../../src/core/metrics.ts'
import type { Random } from '../../src/core/random.ts'
import { FlowRecord, NO_HEADERS } from '../../src/core/record.ts'

export interface VirtualClock extends Clock {
  /** Timers set and neither rung nor cancelled. */
  readonly timers: number
  /** Moves time on, rings what is due in order, and lets promises run after each. */
  advance(ms: number): Promise<void>
  /** Moves to the next timer and rings it, without letting promises run; false if there is none. */
  ringNext(): boolean
}

interface Due {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

export function virtualClock(start = 1_000_000): VirtualClock {
  let now = 0
  let order = 0
  const due = new Set<Due>()
  const ring = (next: Due): void => {
    due.delete(next)
    now = Math.max(now, next.at)
    next.run()
  }
  const earliest = (): Due | undefined =>
    [...due].sort((a, b) => a.at - b.at || a.order - b.order).find((one) => one !== undefined)
  return {
    now: () => start + now,
    monotonic: () => now,
    setTimer(ms, run) {
      const one = { at: now + ms, order: order++, run }
      due.add(one)
      return { cancel: () => void due.delete(one) }
    },
    get timers() {
      return due.size
    },
    async advance(ms) {
      const end = now + ms
      await turn()
      for (let next = earliest(); next !== undefined && next.at <= end; next = earliest()) {
        ring(next)
        await turn()
      }
      now = end
    },
    ringNext() {
      const next = earliest()
      if (next !== undefined) ring(next)
      return next !== undefined
    },
  }
}

/** Lets all promises that are ready run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Mulberry-like generator: good enough for jitter, the same for a seed. */
export function seeded(seed: number): Random {
  let state = seed | 0
  return {
    next() {
      state = (state + 0x6d2b79f5) | 0
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    },
    uuid: () => '00000000-0000-4000-8000-000000000000',
  }
}

export interface Settled {
  readonly ticket: Ticket
  readonly outcome: AsyncOutcome
}

export interface TestHost<C extends Clock = VirtualClock> extends AsyncHost {
  readonly clock: C
  readonly settled: Settled[]
  readonly metrics: Metrics
  /** Called at each outcome. */
  onSettle: ((settled: Settled) => void) | undefined
  /** Sum of a metric over its labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): number
}

export function testHost(): TestHost
export function testHost<C extends Clock>(clock: C, http?: HttpClient): TestHost<C>
export function testHost(clock: Clock = virtualClock(), http?: HttpClient): TestHost<Clock> {
  const settled: Settled[] = []
  const metrics = createMetrics()
  return {
    node: 'enrich-test',
    task: '0_0',
    clock,
    random: seeded(1),
    log: SILENT,
    metrics,
    ...(http === undefined ? {} : { http }),
    settled,
    onSettle: undefined,
    settle(ticket, outcome) {
      settled.push({ ticket, outcome })
      this.onSettle?.({ ticket, outcome })
    },
    metric(name, labels = {}) {
      return metrics
        .samples()
        .filter((sample) => sample.name === name)
        .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
        .reduce((sum, sample) => sum + sample.value, 0)
    },
  }
}

export interface TicketNote {
  readonly deadlineMs?: number
  readonly attempts?: number
  readonly offset?: number
}

/** A ticket of sequence `sequence` for a value under a key. */
export function ticketOf(
  clock: Clock,
  sequence: number,
  key: string | null,
  value: unknown,
  note: TicketNote = {},
): Ticket {
  return {
    sequence,
    record: new FlowRecord<unknown, unknown>(
      key,
      value,
      sequence,
      NO_HEADERS,
      'orders',
      0,
      note.offset ?? sequence,
      undefined,
      undefined,
    ),
    orderKey: key,
    deadline: clock.now() + (note.deadlineMs ?? 30_000),
    attempts: note.attempts ?? 0,
  }
}

export interface Deferred {
  readonly value: unknown
  readonly key: unknown
  readonly attempt: number
  readonly signal: AbortSignal
  resolve(answer: unknown): void
  reject(error: unknown): void
}

/** A source function whose calls are answered by the test, in any order. */
export function deferredSource(): {
  readonly calls: Deferred[]
  readonly ask: (
    value: unknown,
    key: unknown,
    call: { readonly attempt: number; readonly signal: AbortSignal },
  ) => Promise<unknown>
} {
  const calls: Deferred[] = []
  return {
    calls,
    ask: (value, key, call) =>
      new Promise((resolve, reject) => {
        calls.push({ value, key, attempt: call.attempt, signal: call.signal, resolve, reject })
      }),
  }
}
