/** What a source decodes and what a sink may write again as it came: only what nobody could notice. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { analyseDecoding } from '../../../src/engine/topology/decode.ts'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import type { Stream } from '../../../src/index.ts'
import { openBenchTop } from '../operators/bench-top.ts'
import { document, rekey, sink, source, step, text } from './nodes.ts'

const both = { key: true, value: true }
const none = { key: false, value: false }

describe('a source decodes', () => {
  test('nothing for a copy, and the sink writes the bytes again', () => {
    const { decode, reuse } = analyseDecoding([source('in'), sink('out', 'in')])
    expect(decode.get('in')).toEqual(none)
    expect(reuse.get('to-out')).toEqual(both)
  })

  test('what a node reads, unless it was replaced before', () => {
    const values = step('v', ['in'], { reads: 'value', keeps: 'key' })
    const reader = step('r', ['v'], { reads: 'value', keeps: 'both' })
    expect(analyseDecoding([source('in'), values, reader]).decode.get('in')).toEqual({
      key: false,
      value: true,
    })
    const blind = step('v', ['in'], { reads: 'nothing', keeps: 'key' })
    expect(analyseDecoding([source('in'), blind, reader]).decode.get('in')).toEqual(none)
  })

  test('what a sink must write in another format', () => {
    const { decode, reuse } = analyseDecoding([source('in'), sink('out', 'in', text)])
    expect(decode.get('in')).toEqual({ key: false, value: true })
    expect(reuse.get('to-out')).toEqual({ key: true, value: false })
  })

  test('in all sources of a merge when one of them has another format than the sink', () => {
    const nodes = [source('a'), source('b', text), step('m', ['a', 'b']), sink('out', 'm')]
    const { decode, reuse } = analyseDecoding(nodes)
    expect([decode.get('a'), decode.get('b')]).toEqual([
      { key: false, value: true },
      { key: false, value: true },
    ])
    expect(reuse.get('to-out')).toEqual({ key: true, value: false })
  })
})

test('a sink and a ledger know which bytes are still those that were read', () => {
  const ask = step('ask', ['by'], {
    asynchronous: true,
    reads: 'both',
    keeps: 'key',
    ledger: { key: text, value: document },
  })
  const { reuse } = analyseDecoding([source('in'), rekey('by', 'in'), ask, sink('out', 'ask')])
  expect(reuse.get('ask')).toEqual({ key: false, value: true })
  expect(reuse.get('to-out')).toEqual(none)
})

const verbs: readonly ((stream: Stream<string, unknown>) => Stream<string, unknown>)[] = [
  (stream) => stream.filter((value) => JSON.stringify(value).length % 3 !== 0),
  (stream) => stream.mapValues((value) => [value]),
  (stream) => stream.selectKey((value) => JSON.stringify(value).slice(0, 1)),
  (stream) => stream.branch({ odd: (_, key) => key.length % 2 === 1 }).odd,
  (stream) => stream.merge(stream.mapValues((value) => value)),
  (stream) => stream.repartition({ name: 're' }),
  (stream) =>
    stream
      .groupByKey()
      .reduce((a) => a, { name: 'first', emit: 'every' })
      .toStream(),
]

test('leaving sides undecoded never changes what is written', async () => {
  const records = fc.array(
    fc.record({ key: fc.string({ maxLength: 3 }), value: fc.jsonValue({ maxDepth: 1 }) }),
    { maxLength: 8 },
  )
  const steps = fc.uniqueArray(fc.nat(verbs.length - 1), { maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(records, steps, async (inputs, chosen) => {
      const app = defineApp('test', (flow) => {
        let stream: Stream<string, unknown> = flow.stream(topic('in', { key: string, value: json() }))
        for (const index of chosen) stream = verbs[index]!(stream)
        stream.to(topic('out', { key: string, value: json() }))
      })
      const lazy = await openBenchTop(app.plan())
      const eager = await openBenchTop(app.plan(), { decodeAll: true })
      for (const top of [lazy, eager]) {
        // A JSON null is a value in bytes and none when decoded: the one difference, so it is left out.
        for (const { key, value } of inputs) if (value !== null) top.feed('in', key, JSON.stringify(value))
      }
      expect(lazy.texts('out')).toEqual(eager.texts('out'))
      expect(lazy.decoded.count).toBeLessThanOrEqual(eager.decoded.count)
    }),
    { numRuns: 60 },
  )
})
