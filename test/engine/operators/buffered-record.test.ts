/** Records held back, byte for byte as Kafka Streams' buffer of a join with grace logs them. */
import { describe, expect, test } from 'vitest'
import { string } from '../../../src/index.ts'
import { FlowRecord } from '../../../src/core/record.ts'
import { bufferedKeySerde, bufferedRecordSerde } from '../../../src/engine/operators/buffered-record.ts'
import { hexOf } from './foreign-vectors.ts'

const keys = bufferedKeySerde(string)
const records = bufferedRecordSerde(string)

describe('a held record', () => {
  test('has a place by time, key and sequence', () => {
    const place = { timestamp: 20, key: 'a', sequence: 1 }
    expect(hexOf(keys.serialize(place))).toBe('0000000000000000146100000001')
    expect(keys.deserialize(Buffer.from(keys.serialize(place)))).toEqual(place)
  })

  test('has its context in front and no buffer time behind', () => {
    const record = new FlowRecord(null, 's20', 20, [], 'left', 0, 0, undefined, undefined)
    const hex =
      '00000000000000140000000000000000000000046c6566740000000000000000ffffffffffffffff000000037332300000000000000000'
    expect(hexOf(records.serialize(record))).toBe(hex)
    expect(records.deserialize(Buffer.from(hex, 'hex'))).toEqual(record)
  })

  test('keeps its headers, also those without a value', () => {
    const headers = [
      { key: 'h', value: Buffer.from('x') },
      { key: 'né', value: null },
    ]
    const record = new FlowRecord(null, '', 7, headers, 'tøpic', 3, 42, undefined, undefined)
    expect(records.deserialize(Buffer.from(records.serialize(record)))).toEqual(record)
  })
})
