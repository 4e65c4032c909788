import { describe, expect, it } from 'vitest'
import type { FetchedBatch } from '../../../src/core/broker.ts'
import { FlowRecord, NO_HEADERS } from '../../../src/core/record.ts'
import type { Serde } from '../../../src/core/serde.ts'
import type { TaskStorage } from '../../../src/core/store.ts'
import { createKeyValueStore, createTimestampedStore } from '../../../src/engine/state/key-value.ts'
import type { ManagedStore } from '../../../src/engine/state/managed.ts'
import type { StoreSpec } from '../../../src/engine/topology/node.ts'
import { int64, json, string } from '../../../src/serdes/index.ts'
import { memoryBackend } from '../../../src/stores/index.ts'

const never = (): boolean => false
const always = (): boolean => true

function specOf(kind: StoreSpec['kind'], value: unknown = json(), key: unknown = string): StoreSpec {
  return { name: 'counts', kind, key: key as Serde<unknown>, value: value as Serde<unknown>, changelog: true }
}

const openStorage = (): Promise<TaskStorage> => memoryBackend().open('', ['counts'])

function recordAt(offset: number, key: string, timestamp = offset): FlowRecord {
  return new FlowRecord<unknown, unknown>(
    key,
    null,
    timestamp,
    NO_HEADERS,
    'orders',
    3,
    offset,
    undefined,
    undefined,
  )
}

function commit(store: ManagedStore, storage: TaskStorage): string[] {
  const logged: string[] = []
  const log = (key: Uint8Array, value: Uint8Array | null, timestamp: number): void => {
    const text = value === null ? 'null' : Buffer.from(value).toString()
    logged.push(`${Buffer.from(key).toString()}=${text}@${timestamp}`)
  }
  while (!store.seal(log, never));
  storage.write({ entries: store.takeCommitted(Number.POSITIVE_INFINITY) })
  store.written()
  return logged
}

describe('a key-value store', () => {
  it('logs each key once with its last value, under the time of the record that wrote it', async () => {
    const storage = await openStorage()
    const store = createKeyValueStore<string, number>(specOf('key-value'), storage)
    store.put('a', 1, recordAt(10, 'a'))
    store.put('b', 1, recordAt(11, 'b'))
    store.put('a', 2, recordAt(12, 'a', 99))
    store.delete('b', recordAt(13, 'b'))
    expect(commit(store, storage)).toEqual(['a=2@99', 'b=null@13'])
    expect(commit(store, storage)).toEqual([])
  })

  it('takes the record being processed for the writer when none is given', async () => {
    const storage = await openStorage()
    const store = createKeyValueStore<string, number>(specOf('key-value'), storage, {
      current: () => recordAt(7, 'x', 70),
    })
    store.put('a', 1)
    store.put('b', null)
    expect(commit(store, storage)).toEqual(['a=1@70', 'b=null@70'])
  })

  it('serialises nothing before the seal, and no key whose bytes it was given', async () => {
    const storage = await openStorage()
    const calls: string[] = []
    const key: Serde<string> = { ...string, serialize: (text) => (calls.push(`key ${text}`), text) }
    const value: Serde<number> = {
      ...json<number>(),
      serialize: (n) => (calls.push(`value ${n}`), String(n)),
    }
    const store = createKeyValueStore<string, number>(specOf('key-value', value, key), storage)
    for (let n = 0; n < 5; n++) {
      store.put('a', n, undefined, Buffer.from('a'))
      store.put('b', n)
      expect(store.get('a')).toBe(n)
    }
    expect(calls).toEqual([])
    expect(commit(store, storage)).toEqual(['a=4@0', 'b=4@0'])
    expect(calls).toEqual(['value 4', 'key b', 'value 4'])
  })

  it('gives the same object again while it is cached, also after a commit, and another after forget', async () => {
    const storage = await openStorage()
    const store = createKeyValueStore<string, { n: number }>(specOf('key-value'), storage)
    const value = { n: 1 }
    store.put('a', value)
    expect(store.get('a')).toBe(value)
    commit(store, storage)
    expect(store.get('a')).toBe(value)
    store.forget()
    expect(store.get('a')).toEqual({ n: 1 })
    expect(store.get('a')).not.toBe(value)
  })

  it('keeps every update of the open generation whatever the cache may hold, and evicts the least recently used', async () => {
    const storage = await openStorage()
    let reads = 0
    const value: Serde<number> = {
      ...json<number>(),
      deserialize: (bytes) => (reads++, Number(Buffer.from(bytes).toString())),
    }
    const store = createKeyValueStore<string, number>(specOf('key-value', value), storage, {
      maxCacheEntries: 2,
    })
    for (let n = 0; n < 10; n++) store.put(`k${n}`, n)
    for (let n = 0; n < 10; n++) expect(store.get(`k${n}`)).toBe(n)
    expect(reads).toBe(0)
    commit(store, storage)
    store.get('k8')
    store.get('k0')
    expect(reads).toBe(1)
    store.get('k8')
    expect(reads).toBe(1)
    store.get('k9')
    expect(reads).toBe(2)
  })

  it('holds its cache to a number of bytes', async () => {
    const storage = await openStorage()
    let reads = 0
    const value: Serde<string> = { ...string, deserialize: (bytes) => (reads++, string.deserialize(bytes)) }
    const store = createKeyValueStore<string, string>(specOf('key-value', value), storage, {
      maxCacheBytes: 10_000,
    })
    for (let n = 0; n < 100; n++) store.put(`k${n}`, 'x'.repeat(1000))
    commit(store, storage)
    for (let n = 0; n < 100; n++) store.get(`k${n}`)
    expect(reads).toBeGreaterThan(90)
  })

  it('estimates the bytes of its updates: by their text, or by what was serialised before', async () => {
    const storage = await openStorage()
    const texts = createKeyValueStore<string, string>(specOf('key-value', string), storage)
    texts.put('a', 'x'.repeat(5000))
    expect(texts.dirtyBytes).toBeGreaterThan(5000)
    texts.put('a', '')
    expect(texts.dirtyBytes).toBeLessThan(1000)
    const objects = createKeyValueStore<string, object>(specOf('key-value'), storage)
    for (let n = 0; n < 200; n++) objects.put(`k${n}`, { text: 'x'.repeat(5000) })
    commit(objects, storage)
    expect(objects.dirtyBytes).toBe(0)
    objects.put('a', { text: '' })
    expect(objects.dirtyBytes).toBeGreaterThan(4000)
  })

  it('hands over what it seals in portions that stay readable until they are written', async () => {
    const storage = await openStorage()
    const store = createKeyValueStore<string, number>(specOf('key-value'), storage, { maxCacheEntries: 0 })
    for (let n = 0; n < 100; n++) store.put(`k${n}`, n)
    let calls = 1
    for (; !store.seal(() => {}, always); calls++) expect(store.get('k99')).toBe(99)
    expect(calls).toBe(4)
    expect(store.takeCommitted(60)).toHaveLength(60)
    expect(store.takeCommitted(60)).toHaveLength(40)
    expect(store.takeCommitted(60)).toHaveLength(0)
    expect(store.get('k50')).toBe(50)
    store.written()
    expect(store.get('k50')).toBeUndefined()
  })

  it('refuses to seal over a generation that was not written', async () => {
    const storage = await openStorage()
    const store = createKeyValueStore<string, number>(specOf('key-value'), storage)
    store.put('a', 1)
    store.seal(() => {}, never)
    expect(store.seal(() => {}, never)).toBe(true)
    store.put('b', 1)
    expect(() => store.seal(() => {}, never)).toThrow(expect.objectContaining({ code: 'SLUICE_INTERNAL' }))
  })
})

describe('a value its serde refuses', () => {
  const picky: Serde<number> = {
    format: 'picky',
    serialize(n) {
      if (n < 0) throw new Error('negative')
      return String(n)
    },
    deserialize: (bytes) => Number(Buffer.from(bytes).toString()),
  }

  it('is SLUICE_SERIALIZE at the seal, naming the record; the update is taken back and sealing goes on', async () => {
    const storage = await openStorage()
    const store = createKeyValueStore<string, number>(specOf('key-value', picky), storage, {
      trackChanges: true,
    })
    store.put('bad', 5, recordAt(1, 'bad'))
    commit(store, storage)
    while (!store.drainChanges(never, () => {}));
    store.put('good', 1, recordAt(2, 'good'))
    store.put('bad', -1, recordAt(3, 'bad'))
    store.put('also good', 2, recordAt(4, 'also good'))
    expect([...store.all()].length).toBe(3)
    const logged: string[] = []
    const log = (key: Uint8Array): unknown => logged.push(Buffer.from(key).toString())
    expect(() => store.seal(log, never)).toThrow(
      expect.objectContaining({
        code: 'SLUICE_SERIALIZE',
        message: expect.stringContaining('orders-3 offset 3') as string,
        details: expect.objectContaining({
          side: 'value',
          recordTopic: 'orders',
          recordPartition: 3,
          recordOffset: 3,
        }) as object,
      }),
    )
    expect(store.get('bad')).toBe(5)
    expect(store.seal(log, never)).toBe(true)
    expect(logged).toEqual(['good', 'also good'])
    expect(Object.fromEntries(store.all())).toEqual({ bad: 5, good: 1, 'also good': 2 })
    const changed: string[] = []
    store.drainChanges(never, (key) => changed.push(key))
    expect(changed).toEqual(['good', 'also good'])
  })

  it('is taken back as well when the changelog refuses the record', async () => {
    const storage = await openStorage()
    const store = createKeyValueStore<string, number>(specOf('key-value', picky), storage)
    store.put('a', 1)
    const full = (): void => {
      throw new Error('too large')
    }
    expect(() => store.seal(full, never)).toThrow('too large')
    expect(store.get('a')).toBeUndefined()
    expect(commit(store, storage)).toEqual([])
  })

  it('is SLUICE_STORE_READ when what is kept does not fit the serde', async () => {
    const storage = await openStorage()
    storage.write({ entries: [{ store: 'counts', key: Buffer.from('a'), value: Buffer.from('{') }] })
    const store = createKeyValueStore<string, number>(specOf('key-value'), storage)
    expect(() => store.get('a')).toThrow(expect.objectContaining({ code: 'SLUICE_STORE_READ' }))
    expect(() => [...store.all()]).toThrow(expect.objectContaining({ code: 'SLUICE_STORE_READ' }))
  })
})

describe('freezing', () => {
  it('makes the mutation of an owned value throw, after put, from the storage and in a range', async () => {
    const storage = await openStorage()
    const store = createKeyValueStore<string, { list: { n: number }[] }>(specOf('key-value'), storage, {
      freeze: true,
    })
    const value = { list: [{ n: 1 }] }
    store.put('a', value)
    expect(() => value.list[0]!.n++).toThrow(TypeError)
    commit(store, storage)
    store.forget()
    expect(() => store.get('a')!.list.push({ n: 2 })).toThrow(TypeError)
    for (const [, read] of store.all()) expect(() => read.list[0]!.n++).toThrow(TypeError)
  })

  it('is off unless asked for', async () => {
    const storage = await openStorage()
    const store = createKeyValueStore<string, { n: number }>(specOf('key-value'), storage)
    const value = { n: 1 }
    store.put('a', value)
    expect(Object.isFrozen(value)).toBe(false)
  })
})

describe('a timestamped store', () => {
  it('stores 8 bytes of time and the value, and logs the plain value', async () => {
    const storage = await openStorage()
    const store = createTimestampedStore<string, string>(specOf('timestamped', string), storage)
    store.put('a', 'v', 1_700_000_000_000)
    store.put('b', 'v', -1)
    store.put('c', '', 1)
    expect(commit(store, storage)).toEqual(['a=v@1700000000000', 'b=v@-1', 'c=@1'])
    // As Kafka Streams writes them: conformance vectors `valueAndTimestamp`.
    const stored = Array.from(storage.store('counts').range(undefined, undefined), ([, value]) =>
      Buffer.from(value).toString('hex'),
    )
    expect(stored).toEqual(['0000018bcfe5680076', 'ffffffffffffffff76', '0000000000000001'])
    store.forget()
    expect(store.get('a')).toEqual({ value: 'v', timestamp: 1_700_000_000_000 })
    expect(store.get('b')).toEqual({ value: 'v', timestamp: -1 })
  })

  it('never changes a value it gave out', async () => {
    const store = createTimestampedStore<string, string>(specOf('timestamped', string), await openStorage())
    store.put('a', 'old', 1)
    const before = store.get('a')
    store.put('a', 'new', 2)
    expect(before).toEqual({ value: 'old', timestamp: 1 })
  })

  it('turns changelog records into entries: plain values get the time of their record, null deletes', async () => {
    const storage = await openStorage()
    const rows = [
      ['a', 'v', 1_700_000_000_000],
      ['b', null, 5],
      [null, 'lost', 6],
    ] as const
    const batch: FetchedBatch = {
      kind: 'records',
      topic: 'log',
      partition: 0,
      count: rows.length,
      offsetAt: (index) => index,
      timestampAt: (index) => rows[index]![2],
      keyAt: (index) => (rows[index]![0] === null ? null : Buffer.from(rows[index]![0])),
      valueAt: (index) => (rows[index]![1] === null ? null : Buffer.from(rows[index]![1])),
      headersAt: () => NO_HEADERS,
      bytes: 100,
      nextOffset: 3,
      endOffset: 3,
    }
    const hexOf = (store: ManagedStore): unknown[] =>
      store
        .restored(batch)
        .map(({ key, value }) => [
          Buffer.from(key).toString(),
          value === null ? null : Buffer.from(value).toString('hex'),
        ])
    const timed = createTimestampedStore(specOf('timestamped', string), storage)
    expect(hexOf(timed)).toEqual([
      ['a', '0000018bcfe5680076'],
      ['b', null],
    ])
    const plain = createKeyValueStore(specOf('key-value', string), storage)
    expect(hexOf(plain)).toEqual([
      ['a', '76'],
      ['b', null],
    ])
  })

  it('orders number keys by their bytes and scans between serialised bounds', async () => {
    const store = createTimestampedStore<number, string>(
      specOf('timestamped', string, int64),
      await openStorage(),
    )
    for (const key of [300, 2, 1, 1000]) store.put(key, `v${key}`, key)
    expect(Array.from(store.range(2, 300), ([key]) => key)).toEqual([2, 300])
    const from = Buffer.from('0000000000000003', 'hex')
    expect(Array.from(store.scan(from, undefined, true), ([key]) => key)).toEqual([1000, 300])
  })
})

describe('tracked changes', () => {
  it('are handed out once a key, in the order of the last update, with the value before the first', async () => {
    const storage = await openStorage()
    const store = createTimestampedStore<string, number>(specOf('timestamped'), storage)
    store.trackChanges({ keepOld: true })
    store.put('a', 1, 1)
    commit(store, storage)
    while (!store.drainChanges(never, () => {}));
    store.forget()
    store.put('a', 2, 2, recordAt(5, 'a'))
    store.put('b', 3, 3, recordAt(6, 'b'))
    store.put('a', 4, 4, recordAt(7, 'a'))
    store.delete('c', recordAt(8, 'c'))
    const drained: unknown[] = []
    const each = (...change: [string, unknown, unknown, number, FlowRecord | undefined]): void => {
      drained.push([...change.slice(0, 4), change[4]?.offset])
    }
    expect(store.drainChanges(never, each)).toBe(true)
    expect(drained).toEqual([
      ['b', 3, undefined, 3, 6],
      ['a', 4, 1, 4, 7],
      ['c', undefined, undefined, 8, 8],
    ])
    expect(store.drainChanges(never, each)).toBe(true)
    expect(drained).toHaveLength(3)
  })

  it('leave in portions, may cause further changes, and are dropped by forget', async () => {
    const store = createKeyValueStore<string, number>(specOf('key-value'), await openStorage(), {
      trackChanges: true,
    })
    for (let n = 0; n < 100; n++) store.put(`k${n}`, n)
    const seen: string[] = []
    let calls = 1
    const each = (key: string): void => {
      if (seen.push(key) === 1) store.put('late', 1)
    }
    while (!store.drainChanges(always, each)) calls++
    expect(calls).toBe(4)
    expect(seen).toHaveLength(101)
    expect(seen.at(-1)).toBe('late')
    store.put('x', 1)
    store.forget()
    store.drainChanges(never, each)
    expect(seen).toHaveLength(101)
  })
})
