import { describe, expect, it } from 'vitest'
import type { FetchedBatch } from '../../../src/core/broker.ts'
import type { Serde } from '../../../src/core/serde.ts'
import type { PlanNode } from '../../../src/engine/topology/plan.ts'
import { SourceReader } from '../../../src/engine/runtime/source-reader.ts'
import { indexBatches } from '../../../src/brokers/record-batch/reader.ts'
import { BatchWriter } from '../../../src/brokers/record-batch/writer.ts'
import { int64, json, string } from '../../../src/serdes/index.ts'

type Sides = { readonly key: boolean; readonly value: boolean }
const NUMBER = Buffer.from([0, 0, 0, 0, 0, 0, 0, 9])
const BOTH: Sides = { key: true, value: true }

function source(key: Serde<unknown>, decode: Sides = BOTH): PlanNode {
  const children: string[] = []
  return {
    name: 's',
    kind: 'source',
    parents: [],
    reads: 'nothing',
    keeps: 'both',
    source: { topics: ['t'], key, value: json() },
    decode,
    children,
  }
}

function node(more: Partial<PlanNode>): PlanNode {
  return { name: 'n', kind: 'sink', parents: ['s'], reads: 'nothing', keeps: 'both', children: [], ...more }
}

function batch(key: string | Buffer | null, value: string | null): FetchedBatch {
  const writer = new BatchWriter()
  writer.append(key, value, 7, [])
  return indexBatches([writer.finish()], { topic: 't', partition: 2, from: 0, endOffset: 1 })
}

describe('the reader of a source', () => {
  it('makes a record of decoded sides, and keeps no view of what can be written again without it', () => {
    const record = new SourceReader(source(string), [node({})]).read(batch('k', '{"a":1}'), 0)
    expect(record).toMatchObject({
      key: 'k',
      value: { a: 1 },
      timestamp: 7,
      topic: 't',
      partition: 2,
      offset: 0,
    })
    expect(record.keyBytes).toBeUndefined()
    expect(record.valueBytes).toBeUndefined()
  })

  it('keeps the bytes of a key that would be written differently', () => {
    const broken = Buffer.from([0x6b, 0xff])
    const record = new SourceReader(source(string), [node({})]).read(batch(broken, '1'), 0)
    expect(record.key).toBe('k\ufffd')
    expect(record.keyBytes).toEqual(broken)
    const number = new SourceReader(source(int64), [node({})])
    expect(number.read(batch(NUMBER, '1'), 0).keyBytes).toEqual(NUMBER)
  })

  it('keeps the bytes of a value where a node may write them again or calls are under way', () => {
    for (const more of [{ reuse: BOTH }, { asynchronous: true }]) {
      const record = new SourceReader(source(string), [node(more)]).read(batch('k', '{"a":1}'), 0)
      expect(String(record.valueBytes)).toBe('{"a":1}')
    }
  })

  it('reads absent sides as null, and undecoded ones as bytes', () => {
    const nulls = new SourceReader(source(string), []).read(batch(null, null), 0)
    expect([nulls.key, nulls.value, nulls.keyBytes, nulls.valueBytes]).toEqual([null, null, null, null])
    const raw = new SourceReader(source(string, { key: false, value: false }), []).read(batch('k', '{'), 0)
    expect([String(raw.key), String(raw.value)]).toEqual(['k', '{'])
  })

  it('reads a batch that can only give bytes just the same', () => {
    const record = new SourceReader(source(string), []).read(plain(batch('k', '{"a":1}')), 0)
    expect(record).toMatchObject({ key: 'k', value: { a: 1 } })
  })

  it('says which side could not be read', () => {
    const reader = new SourceReader(source(int64), [])
    expect(() => reader.read(batch('k', '1'), 0)).toThrow(RangeError)
    expect(reader.side).toBe('key')
    const values = new SourceReader(source(string), [])
    expect(() => values.read(batch('k', '{'), 0)).toThrow(SyntaxError)
    expect(values.side).toBe('value')
  })
})

/** As a broker that knows nothing of decoding in place. */
function plain(inner: FetchedBatch): FetchedBatch {
  const { kind, topic, partition, count, bytes, nextOffset, endOffset } = inner
  return {
    kind,
    topic,
    partition,
    count,
    bytes,
    nextOffset,
    endOffset,
    offsetAt: (index) => inner.offsetAt(index),
    timestampAt: (index) => inner.timestampAt(index),
    keyAt: (index) => inner.keyAt(index),
    valueAt: (index) => inner.valueAt(index),
    headersAt: (index) => inner.headersAt(index),
  }
}
