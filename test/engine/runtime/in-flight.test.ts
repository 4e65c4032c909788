/** What an asynchronous operator holds at a commit, one ticket at a time: each leaves exactly once, by one door. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { AsyncHost, Ticket } from '../../../src/core/async-operator.ts'
import { SILENT } from '../../../src/core/log.ts'
import { createMetrics } from '../../../src/core/metrics.ts'
import { FlowRecord } from '../../../src/core/record.ts'
import type { Bytes } from '../../../src/core/record.ts'
import { enrichment } from '../../../src/enrich/enrichment.ts'
import type { DeadLetters } from '../../../src/engine/runtime/dead-letter.ts'
import { InFlight } from '../../../src/engine/runtime/in-flight.ts'
import type { KeyValueStore } from '../../../src/engine/state/key-value.ts'
import { json, string } from '../../../src/index.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { systemRandom } from '../../../src/platform/random.ts'

function bench(): {
  flight: InFlight
  settle: (value: unknown) => void
  admit: (value: unknown) => void
  ticket: () => Ticket
  emitted: unknown[]
  letters: unknown[]
  ledger: Map<string, Bytes>
} {
  const emitted: unknown[] = []
  const letters: unknown[] = []
  const ledger = new Map<string, Bytes>()
  const tickets: Ticket[] = []
  let host: AsyncHost | undefined
  const id = (key: Bytes): string => Buffer.from(key).toString('hex')
  const flight = new InFlight({
    node: 'ask',
    factory: {
      deadlineMs: 1_000,
      open: (given) => {
        host = given
        return { admit: (ticket) => void tickets.push(ticket), full: false, close: () => undefined }
      },
    },
    codec: { key: string, value: json() },
    ledger: {
      put: (key: Bytes, value: Bytes) => void ledger.set(id(key), value),
      delete: (key: Bytes) => void ledger.delete(id(key)),
    } as unknown as KeyValueStore<Bytes, Bytes>,
    next: ({ value }) => void emitted.push(value),
    host: { task: '0_0', clock: systemClock, random: systemRandom, log: SILENT, metrics: createMetrics() },
    deadLetters: { write: (letter: unknown) => void letters.push(letter) } as unknown as DeadLetters,
    holdTimeMs: 0,
    reuseKey: false,
    wake: () => undefined,
    drop: () => undefined,
  })
  return {
    flight,
    emitted,
    letters,
    ledger,
    ticket: () => tickets[0]!,
    admit: (value) => flight.admit(new FlowRecord('a', value, 0, [], 'in', 0, 0, undefined, undefined)),
    settle: (value) => host!.settle(tickets[0]!, { kind: 'emit', value }),
  }
}

const rethrow = (error: unknown): never => {
  throw error
}

describe('a closed task', () => {
  it('is not kept in memory by its metrics', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const metrics = createMetrics()
    const open = (): WeakRef<object> => {
      const graph = { next: (): void => undefined }
      const flight = new InFlight({
        node: 'ask',
        factory: enrichment(() => 1),
        codec: { key: string, value: json() },
        ledger: {} as KeyValueStore<Bytes, Bytes>,
        next: () => graph.next(),
        host: { task: '0_0', clock: systemClock, random: systemRandom, log: SILENT, metrics },
        deadLetters: {} as DeadLetters,
        holdTimeMs: 0,
        reuseKey: false,
        wake: () => undefined,
        drop: () => undefined,
      })
      flight.close()
      return new WeakRef(graph)
    }
    const graph = open()
    for (let round = 0; round < 20 && graph.deref() !== undefined; round++) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      collect()
    }
    expect(graph.deref()).toBeUndefined()
    expect(metrics.samples().find(({ name }) => name === 'enrich-pending')?.value).toBe(0)
  })
})

describe('a record that the ledger cannot keep', () => {
  it('is a dead letter only, also when its answer had come and was not forwarded yet', () => {
    const { flight, admit, settle, emitted, letters } = bench()
    admit({ n: 1n })
    settle('answer')
    flight.writeLedger()
    flight.drain(10, { record: undefined }, rethrow)
    expect([letters.length, emitted, flight.size]).toEqual([1, [], 0])
  })

  it('is a dead letter when its entry would be larger than a changelog record may be', () => {
    const { flight, admit, emitted, letters, ledger } = bench()
    admit('x'.repeat(1_048_500))
    flight.writeLedger()
    expect([letters.length, emitted, flight.size, ledger.size]).toEqual([1, [], 0, 0])
  })

  it('leaves no entry behind that an earlier commit wrote', () => {
    const { flight, admit, ticket, letters, ledger } = bench()
    const value: { n: unknown } = { n: 1 }
    admit(value)
    flight.writeLedger()
    expect(ledger.size).toBe(1)
    value.n = 1n
    ticket().attempts++
    flight.writeLedger()
    expect([letters.length, ledger.size]).toEqual([1, 0])
  })
})

describe('what an operator keeps beside its records', () => {
  it('is written at a commit, comes back before any record, and is no record itself', () => {
    const rows = new Map<string, [Bytes, Bytes]>()
    const id = (key: Bytes): string => Buffer.from(key).toString('hex')
    const ledger = {
      put: (key: Bytes, value: Bytes) => void rows.set(id(key), [key, value]),
      delete: (key: Bytes) => void rows.delete(id(key)),
      all: () => [...rows.keys()].toSorted().map((key) => rows.get(key)!),
    } as unknown as KeyValueStore<Bytes, Bytes>
    const seen: string[] = []
    const flightOf = (changes: readonly (readonly [string, Bytes | null])[]): InFlight =>
      new InFlight({
        node: 'ask',
        factory: {
          deadlineMs: 1_000,
          open: () => ({
            admit: ({ record }) => void seen.push(`record ${String(record.value)}`),
            full: false,
            save: (write) => changes.forEach(([key, value]) => write(key, value)),
            load: (key, value) => void seen.push(`${key} ${value.join()}`),
            close: () => undefined,
          }),
        },
        codec: { key: string, value: json() },
        ledger,
        next: () => undefined,
        host: {
          task: '0_0',
          clock: systemClock,
          random: systemRandom,
          log: SILENT,
          metrics: createMetrics(),
        },
        deadLetters: {} as DeadLetters,
        holdTimeMs: 0,
        reuseKey: false,
        wake: () => undefined,
        drop: () => undefined,
      })
    const first = flightOf([
      ['cache é', new Uint8Array([7])],
      ['gone', null],
      ['too large', new Uint8Array(2_000_000)],
    ])
    first.admit(new FlowRecord('a', 5, 0, [], 'in', 0, 3, undefined, undefined))
    first.writeLedger()
    expect(rows.size).toBe(2)
    seen.length = 0
    flightOf([]).restore(() => false)
    expect(seen).toEqual(['cache é 7', 'record 5'])
  })
})
