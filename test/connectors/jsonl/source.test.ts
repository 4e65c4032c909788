/** The JSON Lines source on real files: positions, growing files, and lines that are not records. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jsonLinesSource } from '../../../src/connectors/jsonl/index.ts'
import type { RecordSource } from '../../../src/core/source.ts'
import { openInputFile } from '../../../src/platform/input-file.ts'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-jsonl-'))
  file = join(folder, 'orders.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function source(): RecordSource {
  return jsonLinesSource({ file, topic: 'orders' }, openInputFile)
}

describe('a file of JSON lines', () => {
  it('becomes records; text stays text, everything else is JSON', async () => {
    writeFileSync(
      file,
      '{"key":"a","value":{"n":1},"timestamp":5}\n\n{"value":"x","timestamp":"1970-01-01T00:00:01Z"}\n{"key":"b","value":null}\n',
    )
    const reader = await source().open(undefined)
    expect((await reader.poll(10)).records).toEqual([
      { topic: 'orders', key: 'a', value: '{"n":1}', timestamp: 5 },
      { topic: 'orders', key: null, value: 'x', timestamp: 1000 },
      { topic: 'orders', key: 'b', value: null },
    ])
    await reader.close()
  })

  it('goes on in the middle and reads what is appended, once the line is complete', async () => {
    writeFileSync(file, Array.from({ length: 5 }, (_, at) => `{"value":"ä${at}"}\n`).join(''))
    const first = await source().open(undefined)
    const { position, atEnd } = await first.poll(2)
    expect(atEnd).toBe(false)
    await first.close()
    const second = await source().open(position)
    expect((await second.poll(10)).records.map(({ value }) => value)).toEqual(['ä2', 'ä3', 'ä4'])
    appendFileSync(file, '{"value":"ä')
    expect(await second.poll(10)).toMatchObject({ records: [], atEnd: true })
    appendFileSync(file, '5"}\n')
    expect((await second.poll(10)).records.map(({ value }) => value)).toEqual(['ä5'])
    await second.close()
  })

  it('hands out the good lines before a bad one, then names file and line', async () => {
    writeFileSync(file, '{"value":1}\n{"value":2}\n{"valeu":3}\n')
    const reader = await source().open(undefined)
    const { records, position } = await reader.poll(10)
    expect(records).toHaveLength(2)
    await expect(reader.poll(10)).rejects.toThrow('orders.jsonl:3: expected a JSON object')
    await reader.close()
    const again = await source().open(position)
    await expect(again.poll(10)).rejects.toThrow('orders.jsonl:3:')
    await again.close()
  })

  it('refuses a missing file', async () => {
    await expect(source().open(undefined)).rejects.toThrow('expected an existing file')
  })
})
