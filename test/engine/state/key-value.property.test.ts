import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bytes } from '../../../src/core/record.ts'
import type { Serde } from '../../../src/core/serde.ts'
import type { StoreBackend, TaskStorage } from '../../../src/core/store.ts'
import type { Timestamped } from '../../../src/engine/state/codec.ts'
import {
  createKeyValueStore,
  createTimestampedStore,
  type ChangeTracking,
  type ReadableStore,
} from '../../../src/engine/state/key-value.ts'
import type { ManagedStore } from '../../../src/engine/state/managed.ts'
import type { StateOptions } from '../../../src/engine/state/options.ts'
import { bytes, json, string } from '../../../src/serdes/index.ts'
import { lmdbBackend, memoryBackend, sqliteBackend } from '../../../src/stores/index.ts'
import { StoreModel, type Value } from './model.ts'

type Held = Timestamped<Value>
type Entries = IterableIterator<[string, Held]>

/** A store of either kind and key type, spoken to with text keys and timestamped values. */
interface Subject extends Pick<
  ReadableStore<string, Held>,
  'get' | 'range' | 'reverseRange' | 'prefix' | 'all' | 'count'
> {
  readonly managed: ManagedStore & ChangeTracking<unknown, Value>
  put(key: string, held: Held): void
  delete(key: string): void
  keyOf(key: unknown): string
}

/** '\ud800' is written as '\ufffd': one key. '\uffff' sorts before '😀' as UTF-8 and behind it as UTF-16. */
const KEYS = ['', 'a', 'aa', 'ab', 'b', 'é', '\uffff', '😀', '\ud800', '\ufffd', 'zz', 'x'.repeat(2000)]
/** Few keys a run, so that one key goes through many generations. */
const names = fc.shuffledSubarray(KEYS, { minLength: 4, maxLength: 4 })
const key = fc.nat(3)
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('put' as const), key, n: fc.nat(99) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('get' as const), key }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('range' as const),
      from: fc.option(key, { nil: undefined }),
      to: fc.option(key, { nil: undefined }),
      reverse: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prefix' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('count' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('seal' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('take' as const), limit: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('written' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drain' as const) }) },
)

const wellFormed = (text: string): string => text.toWellFormed()
const utf8 = (text: string): Bytes => Buffer.from(text)

function subject(
  kind: 'key-value' | 'timestamped',
  keys: 'text' | 'bytes',
  storage: TaskStorage,
  options: StateOptions,
): Subject {
  const keySerde = (keys === 'text' ? string : bytes) as Serde<unknown>
  const spec = { name: 's', kind, key: keySerde, value: json<Value>() as Serde<unknown>, changelog: true }
  const inward = (text: string): unknown => (keys === 'text' ? text : utf8(text))
  const keyOf = (of: unknown): string =>
    keys === 'text' ? (of as string) : Buffer.from(of as Bytes).toString()
  const outward = function* <R>(entries: IterableIterator<[unknown, R]>, held: (read: R) => Held): Entries {
    for (const [of, read] of entries) yield [keyOf(of), held(read)]
  }
  const bound = (text: string | undefined): unknown => (text === undefined ? undefined : inward(text))
  const face = <R>(
    store: ReadableStore<unknown, R>,
    held: (read: R) => Held,
  ): Omit<Subject, 'put' | 'delete' | 'managed'> => ({
    keyOf,
    get: (text) => {
      const read = store.get(inward(text))
      return read === undefined ? undefined : held(read)
    },
    range: (from, to) => outward(store.range(bound(from), bound(to)), held),
    reverseRange: (from, to) => outward(store.reverseRange(bound(from), bound(to)), held),
    prefix: (start) => outward(store.prefix(start), held),
    all: () => outward(store.all(), held),
    count: () => store.count(),
  })
  if (kind === 'timestamped') {
    const store = createTimestampedStore<unknown, Value>(spec, storage, options)
    return {
      ...face(store, (read) => read),
      managed: store,
      put: (text, { value, timestamp }) => store.put(inward(text), value, timestamp),
      delete: (text) => store.delete(inward(text)),
    }
  }
  const store = createKeyValueStore<unknown, Value>(spec, storage, options)
  return {
    ...face(store, (value) => ({ value, timestamp: value.n })),
    managed: store,
    put: (text, { value }) => store.put(inward(text), value),
    delete: (text) => store.delete(inward(text)),
  }
}

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never
const steps = fc.array(step, { minLength: 20, maxLength: 100, size: 'max' })

/** Runs the steps on both and compares every answer. */
function compare(
  taken: readonly Step[],
  keys: readonly string[],
  real: Subject,
  storage: TaskStorage,
): StoreModel {
  const model = new StoreModel()
  const open: { entries: Entries; wanted: [string, Held][] }[] = []
  for (const now of taken) {
    if (now.kind === 'put') {
      const at = keys[now.key]!
      const held = { value: { n: now.n }, timestamp: now.n }
      real.put(at, held)
      model.update({ key: wellFormed(at), held })
    } else if (now.kind === 'delete') {
      real.delete(keys[now.key]!)
      model.update({ key: wellFormed(keys[now.key]!), held: undefined })
    } else if (now.kind === 'range') {
      const { reverse } = now
      const from = now.from === undefined ? undefined : keys[now.from]!
      const to = now.to === undefined ? undefined : keys[now.to]!
      const wanted = model.entries(
        (at) =>
          (from === undefined || Buffer.compare(utf8(at), utf8(from)) >= 0) &&
          (to === undefined || Buffer.compare(utf8(at), utf8(to)) <= 0),
      )
      const entries = reverse ? real.reverseRange(from, to) : real.range(from, to)
      open.push({ entries, wanted: reverse ? wanted.toReversed() : wanted })
    } else if (now.kind === 'forget') {
      expectSnapshots(open)
      real.managed.forget()
      model.forget()
    } else {
      oneCall(now, keys, real, model, storage)
    }
  }
  expectSnapshots(open)
  return model
}

function oneCall(
  now: Step,
  keys: readonly string[],
  real: Subject,
  model: StoreModel,
  storage: TaskStorage,
): void {
  const { managed } = real
  if (now.kind === 'get') {
    expect(real.get(keys[now.key]!)).toEqual(model.get(wellFormed(keys[now.key]!)))
  } else if (now.kind === 'prefix') {
    const start = wellFormed(keys[now.key]!)
    expect([...real.prefix(start)]).toEqual(model.entries((at) => at.startsWith(start)))
  } else if (now.kind === 'count') {
    expect(real.count()).toBe(model.entries().length)
  } else if (now.kind === 'seal') {
    if (model.sealed.size === 0) sealBoth(real, model)
  } else if (now.kind === 'take') {
    takeBoth(now.limit, real, model, storage)
  } else if (now.kind === 'commit') {
    if (model.sealed.size === 0) sealBoth(real, model)
    takeBoth(Number.POSITIVE_INFINITY, real, model, storage)
    managed.written()
    model.written()
  } else if (now.kind === 'written') {
    managed.written()
    model.written()
  } else if (now.kind === 'drain') {
    drainBoth(real, model)
  }
}

function takeBoth(limit: number, real: Subject, model: StoreModel, storage: TaskStorage): void {
  const entries = real.managed.takeCommitted(limit)
  storage.write({ entries })
  model.take(entries.map((entry) => Buffer.from(entry.key).toString()))
}

function sealBoth(real: Subject, model: StoreModel): void {
  const wanted = new Map([...model.open.values()].map(({ key: at, held }) => [at, held]))
  const logged = new Map<string, Held | undefined>()
  const log = (at: Bytes, value: Bytes | null): void => {
    const plain = value === null ? undefined : (JSON.parse(Buffer.from(value).toString()) as Value)
    expect(logged.has(Buffer.from(at).toString())).toBe(false)
    logged.set(
      Buffer.from(at).toString(),
      plain === undefined ? undefined : { value: plain, timestamp: plain.n },
    )
  }
  while (!real.managed.seal(log, () => true)) expect([...real.all()]).toEqual(model.entries())
  expect(logged).toEqual(wanted)
  expect(real.managed.dirtyBytes).toBe(0)
  model.seal()
}

function drainBoth(real: Subject, model: StoreModel): void {
  const drained: unknown[] = []
  const each = (at: unknown, newValue: unknown, oldValue: unknown): void => {
    drained.push([real.keyOf(at), newValue, oldValue])
  }
  while (!real.managed.drainChanges(() => true, each));
  const wanted = [...model.changes.values()].map(({ cell, old }) => [cell.key, cell.held?.value, old?.value])
  expect(drained).toEqual(wanted)
  model.changes.clear()
}

function expectSnapshots(open: { entries: Entries; wanted: [string, Held][] }[]): void {
  for (const { entries, wanted } of open.splice(0)) expect([...entries]).toEqual(wanted)
}

const disk = {
  makeFolder: async (path: string): Promise<void> => {
    mkdirSync(path, { recursive: true })
    await Promise.resolve()
  },
}
const backends: readonly (readonly [string, StoreBackend, number])[] = [
  ['memory', memoryBackend(), 300],
  ['lmdb', lmdbBackend(), 80],
  ['sqlite', sqliteBackend({ disk }), 80],
]

describe.each(backends)('a store over %s', (name, backend, numRuns) => {
  let folder: string
  let storage: TaskStorage
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-state-'))
    storage = await backend.open(join(folder, name), ['s'])
  })
  afterAll(() => {
    storage.close()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const kind of ['key-value', 'timestamped'] as const) {
    for (const keys of ['text', 'bytes'] as const) {
      it(`of ${kind} with ${keys} keys agrees with three plain maps, whatever its cache holds`, () => {
        fc.assert(
          fc.property(steps, names, fc.constantFrom(0, 2, 1000), (taken, some, maxCacheEntries) => {
            storage.clear()
            const options = { maxCacheEntries, freeze: true, trackChanges: true, keepOld: true }
            const real = subject(kind, keys, storage, options)
            const model = compare(taken, some, real, storage)
            expect([...real.all()]).toEqual(model.entries())
          }),
          { numRuns },
        )
      })
    }
  }
})
