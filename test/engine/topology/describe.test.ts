/** A plan as people see it: Kafka's layout, and a Mermaid chart with every node, topic and store once. */
import { expect, test } from 'vitest'
import { defineApp, describePlan, json, mermaidPlan, string, topic } from '../../../src/index.ts'
import { int64 } from '../../../src/serdes/index.ts'

const lines = topic('lines', { key: string, value: string })

const wordCount = defineApp('word-count', (flow) => {
  flow
    .stream(lines)
    .flatMapValues((line) => line.split(' '))
    .groupBy((word) => word, { name: 'words' })
    .count()
    .toStream()
    .to(topic('counts', { key: string, value: int64 }))
  flow
    .stream(lines)
    .enrich({ mood: () => 'good' }, { name: 'moods' })
    .to(topic('moods', { key: string, value: json() }))
})

test('text in the layout of Kafka Streams', () => {
  expect(describePlan(wordCount.plan())).toBe(`Topologies:
   Sub-topology: 0
    Source: lines-source (topics: [lines])
      --> lines-flatMapValues, moods
    Processor: lines-flatMapValues (stores: [])
      --> words
      <-- lines-source
    Processor: words (stores: [])
      --> words-repartition-filter
      <-- lines-flatMapValues
    Processor: words-repartition-filter (stores: [])
      --> words-repartition-sink
      <-- words
    Sink: words-repartition-sink (topic: words-repartition)
      <-- words-repartition-filter
    Processor: moods (stores: [moods-ledger])
      --> moods-sink
      <-- lines-source
    Sink: moods-sink (topic: moods)
      <-- moods

  Sub-topology: 1
    Source: words-repartition-source (topics: [words-repartition])
      --> words-count
    Processor: words-count (stores: [words-count])
      --> words-count-toStream
      <-- words-repartition-source
    Processor: words-count-toStream (stores: [])
      --> counts-sink
      <-- words-count
    Sink: counts-sink (topic: counts)
      <-- words-count-toStream

`)
})

test('a Mermaid chart', () => {
  const chart = mermaidPlan(wordCount.plan())
  expect(chart.startsWith('flowchart LR\n')).toBe(true)
  for (const shape of [
    '(["lines"])',
    '(["counts"])',
    '(["moods"])',
    '[("words-count")]',
    '[("moods-ledger")]',
    '{{"moods"}}',
  ]) {
    expect(chart.split(shape)).toHaveLength(2)
  }
  expect(chart.match(/subgraph/g)).toHaveLength(2)
  expect(chart.match(/^ {2}end$/gm)).toHaveLength(2)
})
