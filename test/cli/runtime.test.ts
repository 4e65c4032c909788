/** The composition root inside a program: applications, sources and readers on one broker, and nothing left behind. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineApp, string, topic } from 'sluice'
import { follow, idle, inFlight, openRuntime, positionsOf } from 'sluice/embed'
import type { RecordSource } from 'sluice/embed'

const words = topic('words', { key: string, value: string })
const loud = topic('loud', { key: string, value: string })
const app = defineApp('shout', (flow) => {
  flow
    .stream(words)
    .mapValues((word) => word.toUpperCase())
    .to(loud)
})

function texts(...all: readonly string[]): RecordSource {
  return {
    label: 'texts',
    topics: [{ name: 'words', compacted: false }],
    open(position) {
      const records = all.slice(Number(position ?? 0)).map((value) => ({ topic: 'words', key: value, value }))
      return Promise.resolve({
        poll: () =>
          Promise.resolve({ records: records.splice(0), position: String(all.length), atEnd: true }),
        close: () => Promise.resolve(),
      })
    },
  }
}

describe('a runtime', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-runtime-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('runs an application on what a source brings, and says when all is done', async () => {
    const runtime = await openRuntime()
    await runtime.capture({ name: 'texts', source: texts('a', 'b', 'c') })
    const running = await runtime.start(app)
    await idle(runtime, running)
    const seen: string[] = []
    const reader = await follow(runtime.connect(), {
      ...loud,
      topic: loud.name,
      each: ({ value }) => seen.push(value!),
    })
    await reader.caughtUp()
    expect(seen.toSorted()).toEqual(['A', 'B', 'C'])
    expect(inFlight(runtime)).toBe(0)
    await reader.close()
    await runtime.close()
    await runtime.close()
    expect(existsSync(runtime.stateFolder)).toBe(false)
  })

  it('keeps topics, positions and state in a folder', async () => {
    for (const all of [
      ['a', 'b'],
      ['a', 'b', 'c'],
    ]) {
      const runtime = await openRuntime({ folder })
      await runtime.capture({ name: 'texts', source: texts(...all) })
      await idle(runtime, await runtime.start(app))
      await runtime.close()
    }
    const runtime = await openRuntime({ folder })
    const seen: string[] = []
    const reader = await follow(runtime.connect(), {
      ...loud,
      topic: 'loud',
      each: ({ value }) => seen.push(value!),
    })
    await reader.caughtUp()
    expect(seen.toSorted()).toEqual(['A', 'B', 'C'])
    expect(readdirSync(folder)).toEqual(['broker', 'state'])
    await reader.close()
    await runtime.close()
  })

  it('follows a topic from where it ends now', async () => {
    const runtime = await openRuntime()
    const broker = runtime.connect()
    expect(await positionsOf(broker, 'words')).toEqual([])
    const source = await runtime.capture({ name: 'texts', source: texts('a', 'b', 'c'), partitions: 1 })
    await source.reachedEnd
    const [end] = await positionsOf(broker, 'words')
    expect(end).toBeGreaterThanOrEqual(3)
    const seen: number[] = []
    const reader = await follow(broker, {
      ...words,
      topic: 'words',
      from: [2],
      each: ({ offset }) => seen.push(offset),
    })
    await reader.caughtUp()
    expect(seen).toEqual([2])
    await expect(follow(broker, { ...words, topic: 'none', each() {} })).rejects.toThrow(
      'topic "none" does not exist',
    )
    await reader.close()
    await runtime.close()
  })

  it('lets nobody else into its folder, and leaves it usable', async () => {
    const first = await openRuntime({ folder })
    await expect(openRuntime({ folder })).rejects.toMatchObject({ code: 'SLUICE_FOLDER_LOCKED' })
    await first.close()
    await (await openRuntime({ folder })).close()
  })
})
