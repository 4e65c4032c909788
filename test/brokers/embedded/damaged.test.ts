/** Segment files that somebody or something changed: what was acknowledged is either read as it was written or refused by name. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { Bench, refused } from '../../engine/runtime/bench-app.ts'

const open: (Bench | string)[] = []

async function bench(where: string): Promise<Bench> {
  const made = await Bench.open({ folder: where })
  open.push(made)
  return made
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'sluice-damaged-'))
  open.push(made)
  return made
}

afterEach(async () => {
  for (const thing of open.splice(0).toReversed()) {
    if (typeof thing === 'string') rmSync(thing, { recursive: true, force: true })
    else await thing.close()
  }
})

describe('a damaged log', () => {
  /** Fills a topic of several segments. @returns their files, oldest first */
  async function filled(where: string): Promise<readonly string[]> {
    const b = await Bench.open({ folder: where })
    await b.broker.admin.createTopic({ name: 'in', partitions: 1, config: { 'segment.bytes': '1000' } })
    for (let at = 0; at < 40; at++) await b.write('in', [['k', `${at} ${'x'.repeat(80)}`]])
    const [description] = await b.broker.admin.describeTopics(['in'])
    await b.close()
    const inside = join(where, 'topics', description!.topicId, '0')
    const files = readdirSync(inside).filter((name) => name.endsWith('.log'))
    return files.toSorted().map((name) => join(inside, name))
  }

  it('with a flipped byte in a closed segment is never read past: file and position are named', async () => {
    const where = folder()
    const files = await filled(where)
    expect(files.length).toBeGreaterThan(3)
    const bytes = readFileSync(files[1]!)
    bytes[bytes.length >> 1]! ^= 0x10
    writeFileSync(files[1]!, bytes)
    const error = await refused(
      bench(where).then((b) => b.read('in')),
      'SLUICE_SEGMENT_BROKEN',
    )
    expect(error.details['file']).toBe(files[1])
    const position = Number(error.details['position'])
    expect(position).toBeGreaterThan(0)
    expect(position).toBeLessThanOrEqual(bytes.length >> 1)
    expect(error.message).toContain(`${files[1]}: broken at byte ${position}`)
  })

  it('with a torn tail is cut: everything acknowledged is there and writing goes on', async () => {
    const where = folder()
    const last = (await filled(where)).at(-1)!
    const bytes = readFileSync(last)
    // What a crash leaves of the next batch: its header, and not all of its records.
    const torn = Buffer.from(bytes.subarray(0, bytes.readInt32BE(8)))
    torn.writeBigInt64BE(40n, 0)
    writeFileSync(last, Buffer.concat([bytes, torn]))
    const b = await bench(where)
    expect(await b.values('in')).toHaveLength(40)
    await b.write('in', [['k', 'next']])
    expect((await b.values('in')).at(-1)).toBe('next')
  })

  it('without acknowledged bytes at its end is no torn tail: it is refused, not cut', async () => {
    const where = folder()
    const last = (await filled(where)).at(-1)!
    const bytes = readFileSync(last)
    writeFileSync(last, bytes.subarray(0, bytes.length - 7))
    const error = await refused(bench(where), 'SLUICE_SEGMENT_BROKEN')
    expect(error.details['file']).toBe(last)
  })
})
