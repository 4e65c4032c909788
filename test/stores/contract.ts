/** What every storage must do; run on memory, LMDB and SQLite, each in a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Bytes } from '../../src/core/record.ts'
import type { StoreBackend, StoreEntry, TaskStorage } from '../../src/core/store.ts'

type Pair = [Bytes, Bytes]

const STORES = ['one', 'two "quoted"'] as const

const key = fc.oneof(
  fc.uint8Array({ maxLength: 3 }).map((bytes) => bytes.map((byte) => [0, 1, 127, 128, 255][byte % 5]!)),
  // Around and above what LMDB can take, with long common heads.
  fc
    .tuple(fc.constantFrom(1899, 1900, 1901, 2500), fc.uint8Array({ maxLength: 2 }))
    .map(([length, tail]) => Buffer.concat([Buffer.alloc(length, 7), tail.map((byte) => byte % 3)])),
)
const value = fc.uint8Array({ maxLength: 20 })
const entry = fc.record({ store: fc.constantFrom(...STORES), key, value: fc.option(value, { freq: 4 }) })
const bound = fc.option(key, { nil: undefined })
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      entries: fc.array(entry, { maxLength: 12 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('get' as const), store: fc.constantFrom(...STORES), key }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('range' as const),
      store: fc.constantFrom(...STORES),
      from: bound,
      to: bound,
      reverse: fc.boolean(),
      /** How many entries are taken before the next step; the rest after the last one. */
      taken: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
)

/** A sorted array a store: the oracle. */
class Model {
  readonly #stores = new Map<string, Pair[]>(STORES.map((name) => [name, []]))

  apply(entries: readonly StoreEntry[]): void {
    for (const { store, key: at, value: content } of entries) {
      const others = this.of(store).filter(([other]) => Buffer.compare(other, at) !== 0)
      if (content !== null) others.push([at, content])
      this.#stores.set(
        store,
        others.sort(([a], [b]) => Buffer.compare(a, b)),
      )
    }
  }

  of(store: string): Pair[] {
    return this.#stores.get(store)!
  }

  range(store: string, from: Bytes | undefined, to: Bytes | undefined, reverse: boolean): Pair[] {
    const found = this.of(store).filter(
      ([at]) =>
        (from === undefined || Buffer.compare(at, from) >= 0) &&
        (to === undefined || Buffer.compare(at, to) <= 0),
    )
    return reverse ? found.toReversed() : found
  }

  clear(): void {
    for (const name of STORES) this.#stores.set(name, [])
  }
}

const hex = (bytes: Bytes | undefined): string | undefined =>
  bytes === undefined
    ? undefined
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
const hexPairs = (pairs: Iterable<Pair>): (string | undefined)[][] =>
  Array.from(pairs, ([at, content]) => [hex(at), hex(content)])

export function storeContract(name: string, make: () => StoreBackend): void {
  describe(`${name} keeps the contract of a storage:`, () => {
    let folder: string
    let storage: TaskStorage

    const open = (): Promise<TaskStorage> => make().open(join(folder, '0_1'), STORES)

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sluice-store-'))
      storage = await open()
    })

    afterEach(() => {
      storage.close()
      rmSync(folder, { recursive: true, force: true })
    })

    it('agrees with a sorted array over random writes, reads, clears and ranges held open over them', () => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 8, maxLength: 25, size: 'max' }), (steps) => {
          storage.clear()
          const model = new Model()
          const { seen, wanted } = answers(steps, storage, model)
          expect(seen).toEqual(wanted)
          for (const store of STORES) {
            const all = storage.store(store).range(undefined, undefined)
            expect(hexPairs(all)).toEqual(hexPairs(model.of(store)))
            expect(storage.store(store).count()).toBe(model.of(store).length)
          }
        }),
        { numRuns: 40 },
      )
    })

    it('shows a range of many pages as of its call, whatever is written meanwhile', () => {
      const entries = Array.from({ length: 2500 }, (_, index) => ({
        store: 'one',
        key: Buffer.from(String(index).padStart(6, '0')),
        value: Buffer.from(`value ${index}`),
      }))
      storage.write({ entries })
      const seen: string[] = []
      for (const [at] of storage.store('one').range(undefined, undefined, true)) {
        seen.push(Buffer.from(at).toString())
        if (seen.length % 700 === 0) {
          storage.write({ entries: entries.slice(0, seen.length).map((old) => ({ ...old, value: null })) })
        }
      }
      expect(seen).toEqual(entries.map((old) => old.key.toString()).toReversed())
      expect(storage.store('one').count()).toBe(400)
    })

    it('lets later entries of a batch win', () => {
      const at = Buffer.from('k')
      storage.write({ entries: [put('one', 'k', '1'), put('one', 'k', null), put('one', 'k', '2')] })
      expect(text(storage.store('one').get(at))).toBe('2')
      storage.write({ entries: [put('one', 'k', '3'), put('one', 'k', null)] })
      expect(storage.store('one').get(at)).toBeUndefined()
    })

    it('applies nothing of a batch that fails midway', () => {
      storage.write({ entries: [put('one', 'a', '1')], meta: { position: '1' } })
      const entries = [put('one', 'a', '2'), put('one', 'b', '2'), put('nowhere', 'c', '2')]
      expect(() => storage.write({ entries, meta: { position: '2' } })).toThrow(
        expect.objectContaining({ code: 'SLUICE_INTERNAL' }),
      )
      const wrong = [
        put('one', 'b', '2'),
        { store: 'one', key: 'text' as unknown as Bytes, value: {} as Bytes },
      ]
      expect(() => storage.write({ entries: wrong, meta: { position: '2' } })).toThrow(
        expect.objectContaining({ code: 'SLUICE_STORE_WRITE' }),
      )
      expect(hexPairs(storage.store('one').range(undefined, undefined))).toEqual([['61', '31']])
      expect(storage.meta('position')).toBe('1')
    })

    it('writes meta with the batch, overwrites it, and forgets all with clear', () => {
      expect(storage.meta('position')).toBeUndefined()
      storage.write({ entries: [put('one', 'a', '1')], meta: { position: '1', 'topic:ä': 'ü' } })
      storage.write({ entries: [], meta: { position: '' } })
      expect(storage.meta('position')).toBe('')
      expect(storage.meta('topic:ä')).toBe('ü')
      storage.clear()
      expect(storage.meta('topic:ä')).toBeUndefined()
      expect(storage.store('one').count()).toBe(0)
    })

    it('does not keep the buffers it was given', () => {
      const at = Buffer.from('key')
      const content = Buffer.from('value')
      storage.write({ entries: [{ store: 'one', key: at, value: content }] })
      at.fill(0)
      content.fill(0)
      expect(text(storage.store('one').get(Buffer.from('key')))).toBe('value')
    })

    it('takes values of a megabyte', () => {
      const content = Buffer.alloc(1 << 20, 'x')
      storage.write({
        entries: [{ store: 'one', key: Buffer.from('k'), value: content }, put('one', 'l', 'small')],
      })
      expect(storage.store('one').get(Buffer.from('k'))!.length).toBe(content.length)
      expect(text(storage.store('one').get(Buffer.from('l')))).toBe('small')
    })

    it('refuses a store that was not opened, and writes after close', () => {
      expect(() => storage.store('nowhere')).toThrow(expect.objectContaining({ code: 'SLUICE_INTERNAL' }))
      storage.close()
      storage.close()
      expect(() => storage.write({ entries: [] })).toThrow(expect.objectContaining({ code: 'SLUICE_CLOSED' }))
    })

    it('finds its content again after close and open, or says that it is not persistent', async () => {
      const long = Buffer.alloc(3000, 1)
      storage.write({ entries: [put('one', '', 'empty'), put('one', 'a', '')], meta: { position: '7' } })
      storage.write({ entries: [{ store: 'two "quoted"', key: long, value: Buffer.from('long') }] })
      await storage.sync?.()
      storage.close()
      storage = await open()
      const kept = make().persistent
      expect(text(storage.store('one').get(Buffer.alloc(0)))).toBe(kept ? 'empty' : undefined)
      expect(text(storage.store('one').get(Buffer.from('a')))).toBe(kept ? '' : undefined)
      expect(text(storage.store('two "quoted"').get(long))).toBe(kept ? 'long' : undefined)
      expect(storage.meta('position')).toBe(kept ? '7' : undefined)
    })
  })
}

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** What reads and ranges gave, and what the oracle says. Ranges are read to their end only after the last step. */
function answers(
  steps: readonly Step[],
  storage: TaskStorage,
  model: Model,
): { seen: unknown[]; wanted: unknown[] } {
  const open: { real: IterableIterator<Pair>; taken: Pair[] }[] = []
  const seen: unknown[] = []
  const wanted: unknown[] = []
  const ranges: unknown[] = []
  for (const now of steps) {
    if (now.kind === 'write') {
      storage.write({ entries: now.entries })
      model.apply(now.entries)
    } else if (now.kind === 'clear') {
      storage.clear()
      model.clear()
    } else if (now.kind === 'get') {
      seen.push(hex(storage.store(now.store).get(now.key)))
      wanted.push(hex(model.of(now.store).find(([at]) => Buffer.compare(at, now.key) === 0)?.[1]))
    } else {
      const real = storage.store(now.store).range(now.from, now.to, now.reverse)
      open.push({ real, taken: takeSome(real, now.taken) })
      ranges.push(hexPairs(model.range(now.store, now.from, now.to, now.reverse)))
    }
  }
  for (const { real, taken } of open) seen.push(hexPairs([...taken, ...real]))
  return { seen, wanted: [...wanted, ...ranges] }
}

function takeSome(range: IterableIterator<Pair>, count: number): Pair[] {
  const taken: Pair[] = []
  for (let at = 0; at < count; at++) {
    const next = range.next()
    if (next.done !== true) taken.push(next.value)
  }
  return taken
}

function put(store: string, at: string, content: string | null): StoreEntry {
  return { store, key: Buffer.from(at), value: content === null ? null : Buffer.from(content) }
}

function text(bytes: Bytes | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString()
}
