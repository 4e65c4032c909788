import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FetchedBatch } from '../../../src/core/broker.ts'
import type { Bytes } from '../../../src/core/record.ts'
import type { Serde } from '../../../src/core/serde.ts'
import type { StoreBackend, TaskStorage } from '../../../src/core/store.ts'
import type { StateOptions } from '../../../src/engine/state/options.ts'
import { createVersionedStore, type ManagedVersionedStore } from '../../../src/engine/state/version-store.ts'
import type { Versioned } from '../../../src/engine/state/versioned-store.ts'
import { bytes, int64, string } from '../../../src/serdes/index.ts'
import { lmdbBackend, memoryBackend, sqliteBackend } from '../../../src/stores/index.ts'

const RETENTION = 30_000
const KEYS = ['', 'a', 'a\0', 'é', '\ud800']

/** The oracle: for each key what was put at which time, nothing more. */
class Timelines {
  #events = new Map<string, ReadonlyMap<number, number | undefined>>()
  #observed = -1
  rejected = 0

  copy(): Timelines {
    const copy = new Timelines()
    copy.#events = new Map(this.#events)
    copy.#observed = this.#observed
    copy.rejected = this.rejected
    return copy
  }

  put(key: string, time: number, value: number | undefined): number | undefined | 'rejected' {
    if (time < this.#observed - RETENTION) {
      this.rejected++
      return 'rejected'
    }
    this.#observed = Math.max(this.#observed, time)
    this.#events.set(key, new Map([...(this.#events.get(key) ?? []), [time, value]]))
    return this.#times(key).find((other) => other > time)
  }

  get(key: string): Versioned<number> | undefined {
    return this.#versions(key).find(({ validTo }) => validTo === undefined)
  }

  getAsOf(key: string, asOf: number): Versioned<number> | undefined {
    const found = this.#versions(key).find(
      ({ validFrom, validTo = Infinity }) => validFrom <= asOf && asOf < validTo,
    )
    return found?.validTo !== undefined && asOf < this.#observed - RETENTION ? undefined : found
  }

  /** Those that retention lets nobody doubt: what ended before may be gone or not. */
  history(key: string, from: number, to: number): Versioned<number>[] {
    return this.#versions(key).filter(
      ({ validFrom, validTo = Infinity }) =>
        validFrom <= to &&
        validTo > from &&
        (validTo === Infinity || (to >= this.#observed - RETENTION && validTo > this.#observed - RETENTION)),
    )
  }

  /** Since when what a store shows is sure. */
  get earliest(): number {
    return this.#observed - RETENTION
  }

  keys(): string[] {
    return [...this.#events.keys()]
      .filter((key) => this.get(key) !== undefined)
      .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  #times(key: string): number[] {
    return [...(this.#events.get(key)?.keys() ?? [])].toSorted((a, b) => a - b)
  }

  #versions(key: string): Versioned<number>[] {
    const times = this.#times(key)
    return times.flatMap((validFrom, at) => {
      const value = this.#events.get(key)!.get(validFrom)
      return value === undefined ? [] : [{ value, validFrom, validTo: times[at + 1] }]
    })
  }
}

const key = fc.constantFrom(...KEYS)
const time = fc.nat(60).map((n) => n * 1_000)
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      time,
      value: fc.option(fc.nat(99), { nil: undefined, freq: 4 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('read' as const), key, time, span: time }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('range' as const), reverse: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('seal' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('replay' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

interface Logged {
  readonly key: Bytes
  readonly value: Bytes | null
  readonly timestamp: number
}

function same(real: unknown, wanted: unknown): void {
  expect(real).toEqual(wanted)
}

class Run {
  readonly #text: boolean
  readonly #storage: TaskStorage
  readonly #options: StateOptions
  #real: ManagedVersionedStore<unknown, number>
  #model = new Timelines()
  #committed = new Timelines()
  #sealed: Timelines | undefined
  #sealedLog: Logged[] = []
  readonly #log: Logged[] = []

  constructor(text: boolean, storage: TaskStorage, maxCacheEntries: number) {
    this.#text = text
    this.#storage = storage
    this.#options = { maxCacheEntries, freeze: true }
    this.#real = this.#open()
  }

  do(now: Step): void {
    if (now.kind === 'put') {
      const until = this.#real.put(this.#key(now.key), now.value, now.time)
      same(until, this.#model.put(now.key.toWellFormed(), now.time, now.value))
    } else if (now.kind === 'read') this.#read(now)
    else if (now.kind === 'range') this.#range(now.reverse)
    else if (now.kind === 'seal') this.#seal()
    else if (now.kind === 'commit') this.#commit()
    else if (now.kind === 'forget') this.#forget()
    else this.#restart(now.kind)
  }

  #open(): ManagedVersionedStore<unknown, number> {
    const serde = (this.#text ? string : bytes) as Serde<unknown>
    const spec = { name: 's', kind: 'versioned' as const, key: serde, value: int64 as Serde<unknown> }
    return createVersionedStore({ ...spec, retentionMs: RETENTION }, this.#storage, this.#options)
  }

  #key(text: string): unknown {
    return this.#text ? text : Buffer.from(text)
  }

  #read({ key: of, time: at, span }: Step & { kind: 'read' }): void {
    const known = of.toWellFormed()
    const mine = this.#key(of)
    same(this.#real.get(mine), this.#model.get(known))
    same(this.#real.getAsOf(mine, at), this.#model.getAsOf(known, at))
    const sure = ({ validTo = Infinity }: Versioned<number>): boolean => validTo > this.#model.earliest
    const wanted = this.#model.history(known, at, at + span)
    same([...this.#real.history(mine, at, at + span, true)].filter(sure), wanted)
    same([...this.#real.history(mine, at, at + span)].filter(sure), wanted.toReversed())
  }

  #range(reverse: boolean): void {
    const text = (of: unknown): string => (this.#text ? (of as string) : Buffer.from(of as Bytes).toString())
    const found = Array.from(this.#real.range(undefined, undefined, reverse), ([of, version]) => [
      text(of),
      version,
    ])
    const wanted = this.#model.keys().map((of) => [of, this.#model.get(of)])
    same(found, reverse ? wanted.toReversed() : wanted)
    same(this.#real.count(), wanted.length)
  }

  #seal(): void {
    if (this.#sealed !== undefined) return
    const log = (of: Bytes, value: Bytes | null, timestamp: number): void => {
      const copy = value === null ? null : Buffer.from(value)
      this.#sealedLog.push({ key: Buffer.from(of), value: copy, timestamp })
    }
    while (!this.#real.seal(log, () => true));
    this.#sealed = this.#model.copy()
  }

  #commit(): void {
    this.#seal()
    for (
      let entries = this.#real.takeCommitted(3);
      entries.length > 0;
      entries = this.#real.takeCommitted(3)
    ) {
      this.#storage.write({ entries })
    }
    this.#real.written()
    this.#committed = this.#sealed!
    this.#sealed = undefined
    this.#log.push(...this.#sealedLog)
    this.#sealedLog = []
  }

  #forget(): void {
    this.#real.forget()
    this.#model = this.#committed.copy()
    this.#sealed = undefined
    this.#sealedLog = []
  }

  /** Another process opens the storage; or has none and reads the changelog; or has a position behind what it holds. */
  #restart(how: 'reopen' | 'restore' | 'replay'): void {
    this.#forget()
    if (how === 'restore') this.#storage.clear()
    this.#real = this.#open()
    const from =
      how === 'reopen' ? this.#log.length : how === 'restore' ? 0 : Math.max(0, this.#log.length - 7)
    for (let at = from; at < this.#log.length; at += 5) {
      this.#storage.write({ entries: this.#real.restored(batch(this.#log.slice(at, at + 5))) })
    }
  }
}

function batch(records: readonly Logged[]): FetchedBatch {
  return {
    kind: 'records',
    topic: 't',
    partition: 0,
    count: records.length,
    offsetAt: (index) => index,
    timestampAt: (index) => records[index]!.timestamp,
    keyAt: (index) => records[index]!.key,
    valueAt: (index) => records[index]!.value,
    headersAt: () => [],
    bytes: 1,
    nextOffset: records.length,
    endOffset: records.length,
  }
}

const disk = {
  makeFolder: async (path: string): Promise<void> => {
    mkdirSync(path, { recursive: true })
    await Promise.resolve()
  },
}
const BACKENDS: readonly (readonly [string, StoreBackend, number])[] = [
  ['memory', memoryBackend(), 300],
  ['lmdb', lmdbBackend(), 60],
  ['sqlite', sqliteBackend({ disk }), 60],
]

describe.each(BACKENDS)('a versioned store over %s', (name, backend, numRuns) => {
  let folder: string
  let storage: TaskStorage
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-versions-'))
    storage = await backend.open(join(folder, name), ['s'])
  })
  afterAll(() => {
    storage.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it.each([['text', true] as const, ['bytes', false] as const])(
    'with %s keys agrees with timelines',
    (_, text) => {
      const steps = fc.array(step, { minLength: 20, maxLength: 100, size: 'max' })
      const property = fc.property(steps, fc.constantFrom(0, 2, 1000), (taken, maxCacheEntries) => {
        storage.clear()
        const run = new Run(text, storage, maxCacheEntries)
        for (const now of taken) run.do(now)
      })
      expect(fc.check(property, { numRuns })).toMatchObject({ counterexample: null })
    },
  )
})
