import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { TaskTimers } from '../../../src/engine/runtime/timers.ts'
import { decodeEnvelope, EMPTY_ENVELOPE, encodeEnvelope } from '../../../src/engine/runtime/envelope.ts'

interface Vector {
  readonly partitionTime: number
  readonly processorMetadata: Readonly<Record<string, number>>
  readonly text: string
}

const file = new URL('../../../../shared/conformance/kafka-streams/bytes.json', import.meta.url)

describe('the commit envelope', () => {
  it.skipIf(!existsSync(file))(
    'is byte-equal with the metadata Kafka Streams commits (needs ../shared)',
    () => {
      const { commitMetadata } = JSON.parse(readFileSync(file, 'utf8')) as { commitMetadata: Vector[] }
      expect(commitMetadata.length).toBeGreaterThan(0)
      for (const { partitionTime, processorMetadata, text } of commitMetadata) {
        const entries = new Map(Object.entries(processorMetadata))
        expect(encodeEnvelope({ partitionTime, entries })).toBe(text)
        expect(decodeEnvelope(text)).toEqual({ partitionTime, entries })
      }
    },
  )

  it('reads what it wrote', () => {
    const entries = new Map([
      ['sluice.punctuate.größe.0', 1_700_000_000_000],
      ['b', -1],
    ])
    const envelope = { partitionTime: 42, entries }
    expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope)
  })

  it('stays within what a broker takes, however many operators keep numbers under long names', () => {
    const names = Array.from(
      { length: 60 },
      (_, at) => `sluice.kept.${'a-long-name-of-an-operator-'.repeat(3)}${at}.time`,
    )
    const entries = new Map(names.map((name, at) => [name, 1_700_000_000_000 + at]))
    const text = encodeEnvelope({ partitionTime: 42, entries })
    expect(text.length).toBeLessThanOrEqual(4_096)
    const { entries: restored } = decodeEnvelope(text)
    expect(restored.size).toBe(60)
    const timers = new TaskTimers(restored)
    const node = (at: number): string => `${'a-long-name-of-an-operator-'.repeat(3)}${at}`
    expect(names.map((_, at) => timers.kept(node(at), 'time').value)).toEqual([...entries.values()])
    const both = new TaskTimers(new Map([...restored, [names[0]!, 5]]))
    expect(both.kept(node(0), 'time').value).toBe(1_700_000_000_000)
  })

  it('takes what it cannot read as absent instead of failing the start', () => {
    for (const text of ['', 'x', '!!!!', Buffer.from([9, 1, 2, 3, 4, 5, 6, 7, 8]).toString('base64')]) {
      expect(decodeEnvelope(text)).toEqual(EMPTY_ENVELOPE)
    }
    const cut = Buffer.from(encodeEnvelope({ partitionTime: 7, entries: new Map([['name', 1]]) }), 'base64')
    for (let length = 13; length < cut.length; length++) {
      expect(decodeEnvelope(cut.subarray(0, length).toString('base64')).partitionTime).toBe(7)
    }
  })
})
