import { describe, expect, it } from 'vitest'
import type { FetchedBatch } from '../../../src/core/broker.ts'
import type { Bytes } from '../../../src/core/record.ts'
import { GlobalStore, UnreadableGlobal } from '../../../src/engine/state/global-store.ts'
import { bytes, int64, json, string } from '../../../src/serdes/index.ts'

type Row = readonly [key: Bytes | string | null, value: string | null]

function batch(...records: readonly Row[]): FetchedBatch {
  const raw = (side: Bytes | string | null): Bytes | null =>
    typeof side === 'string' ? Buffer.from(side) : side
  return {
    kind: 'records',
    topic: 't',
    partition: 0,
    count: records.length,
    offsetAt: (index) => index,
    timestampAt: (index) => 100 + index,
    keyAt: (index) => raw(records[index]![0]),
    valueAt: (index) => raw(records[index]![1]),
    headersAt: () => [],
    bytes: 1,
    nextOffset: records.length,
    endOffset: records.length,
  }
}

function filled(store: Pick<GlobalStore, 'apply'>, ...records: readonly Row[]): unknown[] {
  const fetched = batch(...records)
  return records.map((_, index) => store.apply(fetched, index))
}

const texts = (): GlobalStore<string, unknown> =>
  new GlobalStore({ name: 's', key: string, value: json() }, true)
const keys = (entries: Iterable<[unknown, unknown]>): unknown[] => Array.from(entries, ([key]) => key)

describe('a global store', () => {
  it('keeps the last value of each key with its time, and deletes by null', () => {
    const store = texts()
    expect(filled(store, ['a', '1'], ['b', '2'], ['a', '3'], ['b', null], [null, '4'])).toEqual([
      'applied',
      'applied',
      'applied',
      'applied',
      'null-key',
    ])
    expect(store.get('a')).toMatchObject({ value: 3, timestamp: 102 })
    expect(store.get('b')).toBeUndefined()
    expect(store.count()).toBe(1)
  })

  it('finds keys of any script, and ranges in the order of their bytes, both ends included', () => {
    const store = texts()
    filled(store, ['é', '1'], ['a', '1'], ['ab', '1'], ['z', '1'], ['𝄞', '1'], ['～', '1'])
    expect(['é', '𝄞', '～'].map((key) => store.get(key)?.value)).toEqual([1, 1, 1])
    expect(keys(store.all())).toEqual(['a', 'ab', 'z', 'é', '～', '𝄞'])
    expect(keys(store.range('ab', 'é'))).toEqual(['ab', 'z', 'é'])
    expect(keys(store.reverseRange('ab', 'é'))).toEqual(['é', 'z', 'ab'])
    expect(keys(store.prefix('a'))).toEqual(['a', 'ab'])
    expect(keys(store.scan(Buffer.from('z'), undefined))).toEqual(['z', 'é', '～', '𝄞'])
  })

  it('finds keys that are no text', () => {
    const store = new GlobalStore<number, unknown>({ name: 's', key: int64, value: json() }, false)
    const key = Buffer.alloc(8)
    key.writeBigInt64BE(300n)
    filled(store, [key, '1'])
    expect(store.get(300)?.value).toBe(1)
    expect(keys(store.all())).toEqual([300])
  })

  it('is as it was after a record it cannot read', () => {
    const store = texts()
    const [, broken] = filled(store, ['a', '1'], ['a', '{'])
    expect(broken).toBeInstanceOf(UnreadableGlobal)
    expect(store.get('a')?.value).toBe(1)
  })

  it('gives frozen values in tests, and bytes of its own', () => {
    const store = texts()
    filled(store, ['a', '{"b":{}}'])
    expect(Object.isFrozen((store.get('a')!.value as { b: object }).b)).toBe(true)
    const raw = new GlobalStore<string, Bytes>({ name: 's', key: string, value: bytes }, false)
    const fetched = Buffer.from('kv')
    raw.apply({ ...batch(['k', 'v']), valueAt: () => fetched.subarray(1) }, 0)
    fetched.fill(0)
    expect(Buffer.from(raw.get('k')!.value).toString()).toBe('v')
  })
})
