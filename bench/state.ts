/**
 * Costs of local state: cached get + put per operation with text keys, sealing per updated key, and per backend the rate of
 * committed writes, uncached reads and scans. Prints medians of the rounds.
 *
 *   node bench/state.ts [--rounds 5] [--keys 10000]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { StoreBackend, TaskStorage } from '../src/core/store.ts'
import { createKeyValueStore, createTimestampedStore } from '../src/engine/state/key-value.ts'
import type { ManagedStore } from '../src/engine/state/managed.ts'
import type { StoreSpec } from '../src/engine/topology/node.ts'
import { json, string } from '../src/serdes/index.ts'
import { lmdbBackend, memoryBackend, sqliteBackend } from '../src/stores/index.ts'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, keys: { type: 'string', default: '10000' } },
})
const ROUNDS = Number(options.rounds)
const KEYS = Number(options.keys)
const OPERATIONS = 1_000_000

const disk = {
  makeFolder: (path: string): Promise<void> => Promise.resolve(void mkdirSync(path, { recursive: true })),
}

interface Account {
  readonly count: number
  readonly total: number
}

const keys = Array.from({ length: KEYS }, (_, index) => `customer-${String(index).padStart(8, '0')}`)
/** Pseudo-random visiting order, the same in every run. */
const order = Uint32Array.from(
  { length: OPERATIONS },
  (_, index) => (Math.imul(index, 2_654_435_761) >>> 0) % KEYS,
)
const never = (): boolean => false

function specOf(kind: StoreSpec['kind']): StoreSpec {
  return {
    name: 's',
    kind,
    key: string,
    value: json<Account>(),
    changelog: true,
  }
}

function nanosecondsPer(count: number, run: () => void): number {
  const begun = process.hrtime.bigint()
  run()
  return Number(process.hrtime.bigint() - begun) / count
}

function median(of: readonly number[]): number {
  return of.toSorted((a, b) => a - b)[of.length >> 1]!
}

function report(what: string, nanoseconds: readonly number[]): void {
  const middle = median(nanoseconds)
  console.log(
    `${what.padEnd(52)} ${middle.toFixed(0).padStart(7)} ns  ${Math.round(1e9 / middle)
      .toLocaleString('en')
      .padStart(12)} /s`,
  )
}

function commit(store: ManagedStore, storage: TaskStorage): void {
  while (!store.seal(() => {}, never));
  for (;;) {
    const entries = store.takeCommitted(512)
    if (entries.length === 0) break
    storage.write({ entries })
  }
  store.written()
}

async function cached(): Promise<void> {
  const storage = await memoryBackend().open('', ['s'])
  const plain = createKeyValueStore<string, Account>(specOf('key-value'), storage)
  const timed = createTimestampedStore<string, Account>(specOf('timestamped'), storage)
  const tracked = createTimestampedStore<string, Account>(specOf('timestamped'), storage, {
    trackChanges: true,
    keepOld: true,
  })
  const count = (old: Account | undefined): Account => ({
    count: (old?.count ?? 0) + 1,
    total: (old?.total ?? 0) + 2,
  })
  const figures: Record<string, number[]> = {}
  const measure = (what: string, times: number, run: () => void): void => {
    ;(figures[what] ??= []).push(nanosecondsPer(times, run))
  }
  for (let round = 0; round < ROUNDS; round++) {
    measure('get + put, key-value', OPERATIONS, () => {
      for (const at of order) plain.put(keys[at]!, count(plain.get(keys[at]!)))
    })
    measure('get + put, timestamped', OPERATIONS, () => {
      for (const at of order) timed.put(keys[at]!, count(timed.get(keys[at]!)?.value), at)
    })
    measure('get + put, timestamped, changes and old tracked', OPERATIONS, () => {
      for (const at of order) tracked.put(keys[at]!, count(tracked.get(keys[at]!)?.value), at)
    })
    measure('drain, per changed key', KEYS, () => void tracked.drainChanges(never, () => {}))
    measure('seal, per updated key (JSON of 2 numbers)', KEYS, () => {
      while (!plain.seal(() => {}, never));
    })
    measure('get, cached and clean', OPERATIONS, () => {
      for (const at of order) plain.get(keys[at]!)
    })
    for (const store of [plain, timed, tracked]) commit(store, storage)
  }
  for (const [what, nanoseconds] of Object.entries(figures)) report(what, nanoseconds)
}

async function backend(backend: StoreBackend, name: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const storage = await backend.open(join(folder, '0_0'), ['s'])
  const store = createTimestampedStore<string, Account>(specOf('timestamped'), storage, {
    maxCacheEntries: 0,
  })
  const commits: number[] = []
  const reads: number[] = []
  const scans: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, key] of keys.entries()) store.put(key, { count: round, total: index }, index)
    while (!store.seal(() => {}, never));
    commits.push(nanosecondsPer(KEYS, () => commit(store, storage)))
    reads.push(nanosecondsPer(KEYS, () => keys.forEach((_, index) => store.get(keys[order[index]!]!))))
    scans.push(nanosecondsPer(KEYS, () => void Array.from(store.all()).length))
  }
  report(`${name}: write of a committed key, 512 a transaction`, commits)
  report(`${name}: get of an uncached key`, reads)
  report(`${name}: range over all keys, per key`, scans)
  storage.close()
  rmSync(folder, { recursive: true, force: true })
}

console.log(`Node ${process.version}, ${KEYS} keys, medians of ${ROUNDS} rounds`)
await cached()
await backend(memoryBackend(), 'memory')
await backend(lmdbBackend(), 'lmdb')
await backend(sqliteBackend({ disk }), 'sqlite')
