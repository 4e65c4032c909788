import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FetchedBatch } from '../../../src/core/broker.ts'
import type { Bytes } from '../../../src/core/record.ts'
import type { Serde } from '../../../src/core/serde.ts'
import type { StoreBackend, TaskStorage } from '../../../src/core/store.ts'
import type { Windowed } from '../../../src/core/windowed.ts'
import type { ManagedStore } from '../../../src/engine/state/managed.ts'
import type { StateOptions } from '../../../src/engine/state/options.ts'
import { createSessionStore } from '../../../src/engine/state/session-store.ts'
import { createTimestampedWindowStore, createWindowStore } from '../../../src/engine/state/window-store.ts'
import { bytes, int64, string } from '../../../src/serdes/index.ts'
import { lmdbBackend, memoryBackend, sqliteBackend } from '../../../src/stores/index.ts'
import { WindowsModel, type Cell } from './windows-model.ts'

const RETENTION = 200_000
const SIZE = 10_000
const KEYS = ['', 'a', 'a\0', 'ab', 'b', 'é', '\ud800']

/** One kind of store, spoken to in cells. `minor` of a put is a session's start, or ignored. */
interface Subject {
  readonly managed: ManagedStore & { count(): number }
  put(key: string, time: number, minor: number, n: number | undefined): void
  get(key: string, time: number, minor: number): number | undefined
  /** With from <= time <= to, of one key. */
  ofKey(key: string, from: number, to: number, reverse: boolean): (readonly [number, number])[]
  ofKeys(
    keyFrom: string | undefined,
    keyTo: string | undefined,
    from: number,
    to: number,
    reverse: boolean,
  ): (readonly [string, number, number])[]
}

type Make = (storage: TaskStorage, options: StateOptions) => Subject
interface Kind {
  readonly make: Make
  readonly minor: 'none' | 'sequence' | 'start'
}

function spec(
  kind: 'window' | 'timestamped-window' | 'session',
  key: Serde<unknown>,
  retainDuplicates = false,
) {
  const value = int64 as Serde<unknown>
  return { name: 's', kind, key, value, retentionMs: RETENTION, windowSizeMs: SIZE, retainDuplicates }
}

const windows =
  (key: 'text' | 'bytes', duplicates: boolean): Make =>
  (storage, options) => {
    const serde = (key === 'text' ? string : bytes) as Serde<unknown>
    const store = createWindowStore<unknown, number>(spec('window', serde, duplicates), storage, options)
    const inward = (text: string): unknown => (key === 'text' ? text : Buffer.from(text))
    const outward = (from: unknown): string =>
      key === 'text' ? (from as string) : Buffer.from(from as Bytes).toString()
    const bound = (text: string | undefined): unknown => (text === undefined ? undefined : inward(text))
    return {
      managed: store,
      put: (text, time, _minor, n) => store.put(inward(text), n, time),
      get: (text, time) => store.fetch(inward(text), time),
      ofKey: (text, from, to, reverse) => [...store.fetchRange(inward(text), from, to, reverse)],
      ofKeys: (keyFrom, keyTo, from, to, reverse) =>
        Array.from(store.fetchKeys(bound(keyFrom), bound(keyTo), from, to, reverse), ([window, n]) => {
          expect(window.end).toBe(window.start + SIZE)
          return [outward(window.key), window.start, n]
        }),
    }
  }

const timestamped: Make = (storage, options) => {
  const store = createTimestampedWindowStore<unknown, number>(
    spec('timestamped-window', string),
    storage,
    options,
  )
  return {
    managed: store,
    put: (key, time, _minor, n) => store.put(key, n, time, 7 + (n ?? 0)),
    get: (key, time) => {
      const held = store.fetch(key, time)
      if (held !== undefined) expect(held.timestamp).toBe(7 + held.value)
      return held?.value
    },
    ofKey: (key, from, to, reverse) =>
      Array.from(store.fetchRange(key, from, to, reverse), ([time, { value }]) => [time, value]),
    ofKeys: (keyFrom, keyTo, from, to, reverse) =>
      Array.from(store.fetchKeys(keyFrom, keyTo, from, to, reverse), ([window, { value }]) => [
        window.key as string,
        window.start,
        value,
      ]),
  }
}

const sessions: Make = (storage, options) => {
  const store = createSessionStore<string, number>(spec('session', string), storage, options)
  const rows = (found: Iterable<[Windowed<string>, number]>, to: number): [string, number, number][] =>
    Array.from(found, ([{ key, end }, n]): [string, number, number] => [key, end, n]).filter(
      ([, end]) => end <= to,
    )
  return {
    managed: store,
    put: (key, time, minor, n) => store.put({ key, start: minor, end: time }, n),
    get: (key, time, minor) => store.fetchSession(key, minor, time),
    ofKey: (key, from, to, reverse) =>
      rows(store.findSessions(key, from, Number.MAX_SAFE_INTEGER, reverse), to).map(([, end, n]) => [end, n]),
    ofKeys: (keyFrom, keyTo, from, to, reverse) =>
      rows(store.findSessionsOfKeys(keyFrom, keyTo, from, Number.MAX_SAFE_INTEGER, reverse), to),
  }
}

const KINDS: Readonly<Record<string, Kind>> = {
  'windows with text keys': { make: windows('text', false), minor: 'none' },
  'windows with bytes keys': { make: windows('bytes', false), minor: 'none' },
  'windows with duplicates': { make: windows('text', true), minor: 'sequence' },
  'timestamped windows': { make: timestamped, minor: 'none' },
  sessions: { make: sessions, minor: 'start' },
}

const key = fc.constantFrom(...KEYS)
/** Far enough for several segments; a run moves on by what it drew before. */
const time = fc.nat(40).map((n) => n * 10_000)
const bounds = fc.record({
  from: time,
  span: time,
  keyFrom: fc.option(key, { nil: undefined }),
  keyTo: fc.option(key, { nil: undefined }),
  reverse: fc.boolean(),
})
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      key,
      time,
      length: fc.nat(2),
      n: fc.option(fc.nat(99), { nil: undefined, freq: 5 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('get' as const), key, time, length: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ofKey' as const), key, bounds }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('ofKeys' as const), bounds }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('seal' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

interface Logged {
  readonly key: Bytes
  readonly value: Bytes | null
  readonly timestamp: number
}

class Run {
  readonly #kind: Kind
  readonly #storage: TaskStorage
  readonly #model = new WindowsModel(RETENTION)
  readonly #options: StateOptions
  #expired = 0
  #real: Subject
  #sealedLog: Logged[] = []
  readonly #log: Logged[] = []

  constructor(kind: Kind, storage: TaskStorage, maxCacheEntries: number) {
    this.#kind = kind
    this.#storage = storage
    const maxCacheBytes = maxCacheEntries * 500
    this.#options = { maxCacheEntries, maxCacheBytes, freeze: true, expired: () => this.#expired++ }
    this.#real = kind.make(storage, this.#options)
  }

  do(now: Step): void {
    if (now.kind === 'put') this.#put(now)
    else if (now.kind === 'get') this.#get(now)
    else if (now.kind === 'ofKey') this.#ofKey(now.key, now.bounds)
    else if (now.kind === 'ofKeys') this.#ofKeys(now.bounds)
    else if (now.kind === 'seal') this.#seal()
    else if (now.kind === 'commit') this.#commit()
    else if (now.kind === 'forget') this.#forget()
    else this.#restart(now.kind === 'restore')
    same(this.#expired, this.#model.expired)
  }

  #put({ key: of, time: at, length, n }: Step & { kind: 'put' }): void {
    const { minor } = this.#kind
    if (minor === 'sequence' && n === undefined) return this.#real.put(of, at, 0, n)
    const own =
      minor === 'none' ? 0 : minor === 'start' ? Math.max(0, at - length * 5_000) : this.#model.nextSequence()
    this.#real.put(of, at, own, n)
    this.#model.put(of.toWellFormed(), at, own, n)
  }

  #get({ key: of, time: at, length }: Step & { kind: 'get' }): void {
    const start = Math.max(0, at - length * 5_000)
    const found = this.#model.cells(
      (cell) =>
        cell.key === of.toWellFormed() &&
        cell.time === at &&
        (this.#kind.minor !== 'start' || cell.minor === start),
    )
    same(this.#real.get(of, at, start), found[0]?.n)
  }

  #ofKey(of: string, { from, span, reverse }: (Step & { kind: 'ofKey' })['bounds']): void {
    const to = from + span
    const wanted = this.#model
      .cells((cell) => cell.key === of.toWellFormed() && cell.time >= from && cell.time <= to)
      .map((cell) => [cell.time, cell.n])
    same(this.#real.ofKey(of, from, to, reverse), reverse ? wanted.toReversed() : wanted)
  }

  #ofKeys({ from, span, keyFrom, keyTo, reverse }: (Step & { kind: 'ofKeys' })['bounds']): void {
    const to = from + span
    const within = ({ key: of }: Cell): boolean =>
      (keyFrom === undefined || Buffer.compare(Buffer.from(of), Buffer.from(keyFrom)) >= 0) &&
      (keyTo === undefined || Buffer.compare(Buffer.from(of), Buffer.from(keyTo)) <= 0)
    const wanted = this.#model
      .cells((cell) => cell.time >= from && cell.time <= to && within(cell))
      .map((cell) => [cell.key, cell.time, cell.n])
    const found = this.#real.ofKeys(keyFrom, keyTo, from, to, reverse)
    same(found, reverse ? wanted.toReversed() : wanted)
  }

  #seal(): void {
    if (this.#model.isSealed) return
    const log = (of: Bytes, value: Bytes | null, timestamp: number): void => {
      this.#sealedLog.push({
        key: Buffer.from(of),
        value: value === null ? null : Buffer.from(value),
        timestamp,
      })
    }
    while (!this.#real.managed.seal(log, () => true));
    this.#model.seal()
  }

  #commit(): void {
    this.#seal()
    const { managed } = this.#real
    for (let entries = managed.takeCommitted(3); entries.length > 0; entries = managed.takeCommitted(3)) {
      this.#storage.write({ entries })
    }
    managed.written()
    this.#model.written()
    this.#log.push(...this.#sealedLog)
    this.#sealedLog = []
  }

  #forget(): void {
    this.#real.managed.forget()
    this.#model.forget()
    this.#sealedLog = []
  }

  /** Another process opens the storage, or has none and reads the changelog. */
  #restart(lost: boolean): void {
    this.#forget()
    if (lost) this.#storage.clear()
    this.#real = this.#kind.make(this.#storage, this.#options)
    for (let at = 0; lost && at < this.#log.length; at += 5) {
      this.#storage.write({ entries: this.#real.managed.restored(batch(this.#log.slice(at, at + 5))) })
    }
  }

  /** After everything was committed: windows kept as the store and as the storage count them, and windows shown. */
  tidy(): readonly unknown[] {
    this.#commit()
    this.#commit()
    const rows = this.#storage.store('s').count() - (this.#log.length > 0 ? 1 : 0)
    const shown = this.#real.ofKeys(undefined, undefined, 0, 1e9, false)
    same(shown.length, this.#model.cells().length)
    return [this.#real.managed.count(), rows]
  }
}

/** Apart, since the lint takes an `expect` of a method for one outside of tests. */
function same(real: unknown, wanted: unknown): void {
  expect(real).toEqual(wanted)
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
  ['memory', memoryBackend(), 200],
  ['lmdb', lmdbBackend(), 50],
  ['sqlite', sqliteBackend({ disk }), 50],
]

describe.each(BACKENDS)('over %s', (name, backend, numRuns) => {
  let folder: string
  let storage: TaskStorage
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-windows-'))
    storage = await backend.open(join(folder, name), ['s'])
  })
  afterAll(() => {
    storage.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it.each(Object.entries(KINDS))('%s agree with plain maps and the rules of retention', (_, kind) => {
    const steps = fc.array(step, { minLength: 20, maxLength: 100, size: 'max' })
    fc.assert(
      fc.property(steps, fc.constantFrom(0, 2, 1000), (taken, maxCacheEntries) => {
        storage.clear()
        const run = new Run(kind, storage, maxCacheEntries)
        for (const now of taken) run.do(now)
        const [counted, rows] = run.tidy()
        expect(counted).toBe(rows)
      }),
      { numRuns },
    )
  })
})
