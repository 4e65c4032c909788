import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { replayable } from '../../../src/enrich/sources/replayable.ts'
import type { Source } from '../../../src/enrich/sources/source.ts'
import { answerOf, askAll } from './asking.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-tape-'))
afterAll(() => rmSync(folder, { recursive: true }))

let calls = 0

/** Answers differently each time it is asked. */
function moody(identified = false): Source<unknown, number, number> {
  return {
    kind: 'read',
    name: 'moody',
    request: (value) => value,
    ...(identified ? { identity: (request: number) => String(request) } : {}),
    call(request) {
      calls++
      if (request < 0) throw new Error('negative')
      return request === 0 ? null : { request, nth: calls, on: new Date(calls), big: 2n ** 60n }
    },
    options: { retry: 0 },
  }
}

const answers = async (
  source: Source<unknown, number, number>,
  values: readonly number[],
): Promise<unknown[]> =>
  (await askAll(source, values)).outcomes.map((one) => (one.kind === 'emit' ? answerOf(one) : one.kind))

describe('a tape', () => {
  it('gives the recorded answers again, without a call, failures included', async () => {
    const tape = join(folder, 'same.sqlite')
    const values = [3, 0, -1, 3, 5]
    const live = await answers(replayable(moody(), { tape }), values)
    expect(live[2]).toBe('dead-letter')
    const before = calls
    expect(await answers(replayable(moody(), { tape, replay: 'recorded' }), values)).toEqual(live)
    expect(calls).toBe(before)
  })

  it('finds answers to shared calls by their request', async () => {
    const tape = join(folder, 'shared.sqlite')
    const live = await answers(replayable(moody(true), { tape }), [8])
    const again = await answers(replayable(moody(true), { tape, replay: 'recorded' }), [8, 8, 8, 9])
    expect(again).toEqual([live[0], live[0], live[0], 'dead-letter'])
  })

  it('fills what is missing', async () => {
    const tape = join(folder, 'fill.sqlite')
    const first = await answers(replayable(moody(), { tape }), [1, 2])
    const before = calls
    const more = await answers(replayable(moody(), { tape, replay: 'fill' }), [1, 2, 3])
    expect(more.slice(0, 2)).toEqual(first)
    expect(calls).toBe(before + 1)
    expect(await answers(replayable(moody(), { tape, replay: 'recorded' }), [1, 2, 3])).toEqual(more)
  })

  it('holds no connection of the source while it only replays', async () => {
    const held: string[] = []
    const source = {
      ...moody(),
      hold: () => void held.push('hold'),
      release: () => void held.push('release'),
    }
    const tape = join(folder, 'held.sqlite')
    await answers(replayable(source, { tape }), [1])
    expect(held).toEqual(['hold', 'release'])
    await answers(replayable(source, { tape, replay: 'recorded' }), [1])
    expect(held).toHaveLength(2)
  })
})
