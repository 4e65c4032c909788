/** A log in a folder through crashes and damage: what was acknowledged stays, what cannot be trusted is an error. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FolderLog } from '../../../src/brokers/embedded/folder-log.ts'
import { batchOf, batchesIn, contentOf, ended, inTransaction } from './batches.ts'
import type { Tear } from './faulty-disk.ts'
import { FaultyDisk, keepAll, loseAll } from './faulty-disk.ts'

const FIRST = 'f/00000000000000000000.log'

function open(disk: FaultyDisk, config: Readonly<Record<string, string>> = {}): Promise<FolderLog> {
  return FolderLog.open({ disk, folder: 'f', topic: 't', partition: 0, config })
}

function put(log: FolderLog, key: string, value: string): number {
  return log.append(batchOf([[key, value]])).lastOffset
}

async function three(disk: FaultyDisk): Promise<void> {
  const log = await open(disk)
  for (const key of ['a', 'b', 'c']) {
    put(log, key, '1')
    await log.flushed()
  }
}

describe('writing', () => {
  it('shows nothing before it is synced, and then all that was appended together', async () => {
    const disk = new FaultyDisk()
    const log = await open(disk)
    put(log, 'a', '1')
    put(log, 'b', '1')
    expect([log.nextOffset, log.highWatermark]).toEqual([2, 0])
    const before = disk.operations
    const flushed = log.flushed()
    await flushed
    expect(log.highWatermark).toBe(2)
    // Create, sync the folder, write, sync: once for both.
    expect(disk.operations - before).toBe(4)
    await log.close()
    expect(disk.opened).toBe(0)
  })

  it('does not show the outcome of a transaction before its marker is synced', async () => {
    const log = await open(new FaultyDisk())
    log.append(inTransaction(1, [['a', '1']]))
    await log.flushed()
    log.append(ended('commit', 1))
    expect(log.stableOffset).toBe(0)
    await log.flushed()
    expect(log.stableOffset).toBe(2)
  })

  it('takes nothing more after a failed write, and says why', async () => {
    const disk = new FaultyDisk()
    const log = await open(disk)
    put(log, 'a', '1')
    await log.flushed()
    disk.failing = 'ENOSPC'
    put(log, 'b', '1')
    await expect(log.flushed()).rejects.toMatchObject({ code: 'SLUICE_DISK', details: { code: 'ENOSPC' } })
    expect(log.highWatermark).toBe(1)
    expect(() => put(log, 'c', '1')).toThrow('ENOSPC')
    expect(await contentOf(log)).toEqual(['0:a=1'])
  })
})

describe('opening', () => {
  it('tells the last batches of each producer', async () => {
    const disk = new FaultyDisk()
    const log = await open(disk)
    for (let i = 0; i < 7; i++)
      log.append(
        batchOf(
          [
            ['a', '1'],
            ['b', '1'],
          ],
          { producerId: 9, baseSequence: i * 2 },
        ),
      )
    await log.close()
    const again = await open(disk)
    expect(again.producers).toHaveLength(1)
    expect(again.producers[0]!.batches).toHaveLength(5)
    expect(again.producers[0]!.batches.at(-1)).toEqual({
      baseSequence: 12,
      lastSequence: 13,
      baseOffset: 12,
      lastOffset: 13,
    })
  })

  it('knows open and aborted transactions again', async () => {
    const disk = new FaultyDisk()
    const log = await open(disk)
    log.append(inTransaction(1, [['a', '1']]))
    log.append(ended('abort', 1))
    log.append(inTransaction(2, [['b', '1']]))
    await log.close()
    const again = await open(disk)
    expect([again.stableOffset, again.highWatermark]).toEqual([2, 3])
    expect(again.aborted(0, 3)).toEqual([{ producerId: 1, firstOffset: 0, lastOffset: 1 }])
  })

  it('cuts a batch torn at any byte of the end', async () => {
    const disk = new FaultyDisk()
    await three(disk)
    const bytes = disk.bytesOf(FIRST)!
    const { at, end } = batchesIn(bytes).at(-1)!
    for (let cut = at; cut < end; cut++) {
      const torn = new FaultyDisk()
      torn.put(FIRST, Buffer.from(bytes.subarray(0, cut)))
      const log = await open(torn)
      expect(await contentOf(log)).toEqual(['0:a=1', '1:b=1'])
      expect(torn.bytesOf(FIRST)!.length).toBe(at)
      put(log, 'd', '1')
      await log.close()
      expect(await contentOf(await open(torn))).toEqual(['0:a=1', '1:b=1', '2:d=1'])
    }
  })

  it('cuts an unacknowledged group of which a later batch survived', async () => {
    const disk = new FaultyDisk()
    await three(disk)
    const log = await open(disk)
    for (const key of ['d', 'e', 'f']) put(log, key, '1')
    await log.flushed()
    const bytes = disk.bytesOf(FIRST)!
    bytes.fill(0, batchesIn(bytes)[3]!.at, batchesIn(bytes)[3]!.end)
    disk.put(FIRST, bytes)
    expect(await contentOf(await open(disk))).toEqual(['0:a=1', '1:b=1', '2:c=1'])
  })

  it.each([0, 1])('refuses a log whose acknowledged batch %i is damaged', async (damaged) => {
    const disk = new FaultyDisk()
    await three(disk)
    const bytes = disk.bytesOf(FIRST)!
    const { at } = batchesIn(bytes)[damaged]!
    for (let i = at; i < at + 64; i++) {
      const copy = Buffer.from(bytes)
      copy[i]! ^= 0x55
      disk.put(FIRST, copy)
      // Base offset (0-7) and group (12-15) lie outside the checksum; the offset's order is checked.
      const harmless = i >= at + 12 && i < at + 16
      if (harmless) continue
      await expect(open(disk), `byte ${i}`).rejects.toMatchObject({ code: 'SLUICE_SEGMENT_BROKEN' })
    }
  })

  it('refuses a log that ends before what a clean stop recorded', async () => {
    const disk = new FaultyDisk()
    const log = await open(disk)
    put(log, 'a', '1')
    put(log, 'b', '1')
    await log.close()
    const bytes = disk.bytesOf(FIRST)!
    disk.put(FIRST, Buffer.from(bytes.subarray(0, bytes.length - 1)))
    await expect(open(disk)).rejects.toThrow(`${FIRST}: broken at byte ${batchesIn(bytes)[1]!.at}`)
    expect(disk.bytesOf(FIRST)!.length).toBe(bytes.length - 1)
  })

  it('refuses damage in an earlier segment', async () => {
    const disk = new FaultyDisk()
    const log = await open(disk, { 'segment.bytes': '100' })
    for (let i = 0; i < 4; i++) put(log, 'a', String(i))
    await log.close()
    disk.put(FIRST, disk.bytesOf(FIRST)!.subarray(0, 65))
    await expect(open(disk)).rejects.toThrow(`${FIRST}: broken at byte 0: its end is missing`)
  })
})

const tears: fc.Arbitrary<Tear> = fc.oneof(
  fc.constant(loseAll),
  fc.constant(keepAll),
  fc.nat(400).map(
    (keep): Tear =>
      (durable, written) =>
        written.subarray(0, Math.min(written.length, durable.length + keep)),
  ),
  fc.nat(400).map((from): Tear => (durable, written) => {
    const bytes = Buffer.from(written)
    return bytes.fill(
      0,
      Math.min(bytes.length, durable.length + from),
      Math.min(bytes.length, durable.length + from + 90),
    )
  }),
)

const config = {
  'cleanup.policy': 'compact',
  'segment.bytes': '300',
  'min.cleanable.dirty.ratio': '0',
  'delete.retention.ms': '1000000',
}

const lifeArbitrary = fc.record({
  crashAfter: fc.integer({ min: 1, max: 60 }),
  tear: tears,
  steps: fc.array(fc.record({ key: fc.nat(3), group: fc.nat(3), cleans: fc.boolean() }), { maxLength: 15 }),
})

/** What was appended, and what of it was acknowledged, by offset. */
interface Model {
  readonly appended: Map<number, string>
  acknowledged: number
}

async function live(
  log: FolderLog,
  model: Model,
  life: { steps: readonly { key: number; group: number; cleans: boolean }[] },
): Promise<void> {
  for (const { key, group, cleans } of life.steps) {
    for (let i = 0; i <= group; i++) {
      const value = `${key}x${i}`
      const offset = put(log, `k${key}`, value)
      model.appended.set(offset, `k${key}=${value}`)
    }
    await log.flushed()
    model.acknowledged = log.highWatermark
    if (cleans) await log.clean(5000)
  }
}

describe('damage between segments', () => {
  it('is refused when a whole segment is missing', async () => {
    const disk = new FaultyDisk()
    const log = await open(disk, { 'segment.bytes': '100' })
    for (let i = 0; i < 4; i++) put(log, 'a', String(i))
    await log.close()
    await disk.remove('f/00000000000000000002.log')
    await expect(open(disk)).rejects.toThrow('offsets 2 to 2 are missing before it')
  })
})

describe('a power cut at any step of writing and compaction', () => {
  it('loses nothing that was acknowledged and invents nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(lifeArbitrary, { minLength: 1, maxLength: 4 }), async (lives) => {
        const disk = new FaultyDisk()
        const model: Model = { appended: new Map(), acknowledged: 0 }
        for (const life of lives) {
          disk.crashAfter(life.crashAfter)
          await open(disk, config)
            .then((log) => live(log, model, life))
            .catch(expectPowerCut)
          disk.powerCut(life.tear)
          const log = await open(disk, config)
          expect(log.nextOffset).toBeGreaterThanOrEqual(model.acknowledged)
          for (const offset of model.appended.keys())
            if (offset >= log.nextOffset) model.appended.delete(offset)
          expect(lastValues(await contentOf(log))).toEqual(
            lastValues([...model.appended].map(([offset, pair]) => `${offset}:${pair}`)),
          )
          model.acknowledged = log.nextOffset
          await log.close()
        }
      }),
      { numRuns: 300 },
    )
  })
})

function expectPowerCut(error: unknown): void {
  if (!String(error).includes('the power is off')) throw error
}

function lastValues(content: readonly string[]): Record<string, string> {
  return Object.fromEntries(content.map((line) => [/:(k\d)=/.exec(line)![1]!, line]))
}

describe('removing old segments', () => {
  it('may be cut short anywhere: one that is older than the start is missed by nobody', async () => {
    const disk = new FaultyDisk()
    const log = await open(disk, { 'segment.bytes': '1' })
    for (const key of ['a', 'b', 'c']) put(log, key, '1')
    await log.flushed()
    await log.close()
    // A power cut keeps any of the removals that no sync of the folder followed.
    await disk.replaceFile('f/checkpoint.json', Buffer.from('{"startOffset":2,"end":3,"tombstones":[]}'))
    await disk.remove('f/00000000000000000001.log')
    const again = await open(disk, { 'segment.bytes': '1' })
    expect([again.startOffset, again.nextOffset]).toEqual([2, 3])
    expect(await disk.list('f')).toEqual(['00000000000000000002.log', 'checkpoint.json'])
  })
})
