/** The contract of a partition's log, on memory, on a real folder, and on a folder of the faulty disk. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FolderLog } from '../../../src/brokers/embedded/folder-log.ts'
import { MemoryLog } from '../../../src/brokers/embedded/memory-log.ts'
import type { PartitionLog } from '../../../src/brokers/embedded/partition-log.ts'
import { TailBudget } from '../../../src/brokers/embedded/tail-cache.ts'
import { systemDisk } from '../../../src/platform/disk.ts'
import type { Pair } from './batches.ts'
import { batchOf, contentOf, ended, inTransaction } from './batches.ts'
import { FaultyDisk } from './faulty-disk.ts'

type Config = Readonly<Record<string, string>>

interface Kind {
  readonly name: string
  /** A new log; `reopen` closes it and opens it again, where there is something to open. */
  make(config?: Config): Promise<{ log: PartitionLog; reopen: (log: PartitionLog) => Promise<PartitionLog> }>
}

let root = ''
let made = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-log-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

/** Without a cache every read goes to the files. */
const noCache = new TailBudget(0, 0)

const kinds: readonly Kind[] = [
  {
    name: 'memory',
    make: async (config = {}) => ({ log: new MemoryLog('t', 0, config), reopen: async (log) => log }),
  },
  {
    name: 'folder',
    make: async (config = {}) => {
      const options = {
        disk: systemDisk,
        folder: join(root, String(made++)),
        topic: 't',
        partition: 0,
        config,
      }
      return {
        log: await FolderLog.open(options),
        reopen: (log) => log.close().then(() => FolderLog.open(options)),
      }
    },
  },
  {
    name: 'folder without cache on the faulty disk',
    make: async (config = {}) => {
      const options = {
        disk: new FaultyDisk(),
        folder: 'f',
        topic: 't',
        partition: 0,
        config,
        tailBudget: noCache,
      }
      return {
        log: await FolderLog.open(options),
        reopen: (log) => log.close().then(() => FolderLog.open(options)),
      }
    },
  },
]

async function fill(log: PartitionLog, batches: number, timestamp = 1000): Promise<void> {
  for (let i = 0; i < batches; i++) {
    const n = log.nextOffset
    log.append(batchOf([[`k${n}`, `v${n}`]], { timestamp: timestamp + i }))
  }
  await log.flushed()
}

const compacting: Config = {
  'cleanup.policy': 'compact',
  'segment.bytes': '400',
  'min.cleanable.dirty.ratio': '0',
  'delete.retention.ms': '1000',
}

describe.each(kinds)('a log in $name', ({ make }) => {
  it('gives offsets and shows records once they are durable', async () => {
    const { log } = await make()
    expect(
      log.append(
        batchOf([
          ['a', '1'],
          ['b', '2'],
        ]),
      ),
    ).toEqual({ baseOffset: 0, lastOffset: 1 })
    expect(log.append(batchOf([['c', '3']]))).toEqual({ baseOffset: 2, lastOffset: 2 })
    expect(log.nextOffset).toBe(3)
    await log.flushed()
    expect([log.startOffset, log.highWatermark, log.stableOffset]).toEqual([0, 3, 3])
    expect(await contentOf(log)).toEqual(['0:a=1', '1:b=2', '2:c=3'])
    await log.close()
  })

  it('reads at least one batch, up to the size wanted, below the limit', async () => {
    const { log } = await make({ 'segment.bytes': '1000' })
    await fill(log, 30)
    const size = batchOf([['k1', 'v1']]).length
    const bytes = async (...args: [number, number, number]): Promise<number> =>
      (await log.read(...args)).reduce((sum, { length }) => sum + length, 0)
    expect(await bytes(0, 1, 30)).toBe(size)
    expect(await bytes(0, size * 3, 30)).toBe(size * 3)
    expect(await bytes(4, 10_000, 6)).toBe(size * 2)
    expect(await bytes(30, 10_000, 30)).toBe(0)
    expect(() => log.read(31, 1, 99)).toThrow('outside the log [0, 30]')
    await log.close()
  })

  it('holds the stable offset at the oldest open transaction and lists aborted ones', async () => {
    const { log } = await make()
    log.append(inTransaction(1, [['a', '1']]))
    log.append(inTransaction(2, [['b', '2']]))
    log.append(ended('abort', 2))
    await log.flushed()
    expect([log.stableOffset, log.highWatermark]).toEqual([0, 3])
    expect(await contentOf(log)).toEqual([])
    log.append(ended('commit', 1))
    expect(log.stableOffset).toBe(log.highWatermark === 4 ? 4 : 0)
    await log.flushed()
    expect(log.stableOffset).toBe(4)
    expect(log.aborted(0, 4)).toEqual([{ producerId: 2, firstOffset: 1, lastOffset: 2 }])
    expect(log.aborted(3, 4)).toEqual([])
    expect(await contentOf(log)).toEqual(['0:a=1'])
    expect(await contentOf(log, 'read_uncommitted')).toEqual(['0:a=1', '1:b=2'])
    await log.close()
  })

  it('finds offsets by time', async () => {
    const { log } = await make({ 'segment.bytes': '500' })
    await fill(log, 20, 1000)
    expect(await log.offsetOfTime(0)).toBe(0)
    expect(await log.offsetOfTime(1013)).toBe(13)
    expect(await log.offsetOfTime(1020)).toBeUndefined()
    await log.close()
  })

  it('deletes records below an offset', async () => {
    const { log, reopen } = await make({ 'segment.bytes': '300' })
    await fill(log, 20)
    await log.deleteRecords(7)
    expect(log.startOffset).toBe(7)
    expect((await contentOf(log))[0]).toBe('7:k7=v7')
    expect(() => log.read(6, 1, 20)).toThrow('outside the log [7, 20]')
    await expect(log.deleteRecords(21)).rejects.toThrow('outside the log')
    const again = await reopen(log)
    expect(again.startOffset).toBe(7)
    expect((await contentOf(again)).length).toBe(13)
    await again.deleteRecords(20)
    expect(await contentOf(again)).toEqual([])
    const empty = await reopen(again)
    expect([empty.startOffset, empty.nextOffset, empty.highWatermark]).toEqual([20, 20, 20])
    await empty.close()
  })

  it('forgets old segments by time and by size', async () => {
    const byTime = await make({ 'segment.bytes': '300', 'retention.ms': '100' })
    await fill(byTime.log, 10, 1000)
    await fill(byTime.log, 3, 5000)
    await byTime.log.clean(5050)
    expect(byTime.log.startOffset).toBeGreaterThan(5)
    expect(byTime.log.startOffset).toBeLessThanOrEqual(10)
    await byTime.log.clean(9000)
    expect(byTime.log.startOffset).toBe(13)
    await fill(byTime.log, 1, 9000)
    expect(await contentOf(byTime.log)).toEqual(['13:k13=v13'])
    const bySize = await make({ 'segment.bytes': '300', 'retention.bytes': '1000', 'retention.ms': '-1' })
    await fill(bySize.log, 40)
    await bySize.log.clean(1e12)
    expect(bySize.log.startOffset).toBeGreaterThan(20)
    expect(bySize.log.startOffset).toBeLessThan(33)
    await byTime.log.close()
    await bySize.log.close()
  })

  it('never forgets a record of an open transaction', async () => {
    const { log } = await make({ 'segment.bytes': '300', 'retention.ms': '1' })
    await fill(log, 5)
    const { baseOffset } = log.append(inTransaction(1, [['a', '1']]))
    await fill(log, 10)
    await log.clean(1e9)
    expect(log.startOffset).toBeLessThanOrEqual(baseOffset)
    await log.close()
  })

  it('keeps the last value per key, drops what was aborted, and keeps offsets', async () => {
    const { log, reopen } = await make(compacting)
    const append = (batch: Buffer): unknown => log.append(batch)
    append(
      batchOf([
        ['a', '1'],
        ['b', '1'],
        ['a', '2'],
      ]),
    )
    append(inTransaction(7, [['b', 'aborted']]))
    append(ended('abort', 7))
    append(inTransaction(7, [['c', 'committed']]))
    append(ended('commit', 7))
    append(
      batchOf([
        ['a', '3'],
        [null, 'no key'],
      ]),
    )
    await fill(log, 12)
    const before = await contentOf(log)
    await log.clean(1)
    const after = await contentOf(log)
    expect(after).not.toContain('0:a=1')
    expect(after.slice(0, 3)).toEqual(['1:b=1', '5:c=committed', '7:a=3'])
    expect(before.slice(-12)).toEqual(after.slice(-12))
    expect(await contentOf(log, 'read_uncommitted')).toEqual(after)
    const again = await reopen(log)
    expect([again.nextOffset, again.stableOffset]).toEqual([log.nextOffset, log.nextOffset])
    expect(await contentOf(again)).toEqual(after)
    await again.close()
  })

  it('keeps tombstones for a while', async () => {
    const { log, reopen } = await make(compacting)
    log.append(batchOf([['a', '1']]))
    log.append(batchOf([['a', null]]))
    await fill(log, 12)
    await log.clean(10_000)
    expect((await contentOf(log))[0]).toBe('1:a=')
    const again = await reopen(log)
    await again.clean(10_500)
    expect((await contentOf(again))[0]).toBe('1:a=')
    await again.clean(11_500)
    expect((await contentOf(again))[0]).toBe('2:k2=v2')
    await again.close()
  })

  it('shows after any history the same as a plain list would', async () => {
    expect.hasAssertions()
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 40 }), (steps) => sameAsList(make, steps)),
      { numRuns: 40 },
    )
  })

  it('refuses a damaged batch and appends after close', async () => {
    const { log } = await make()
    const batch = batchOf([['a', '1']])
    batch[65]! ^= 1
    expect(() => log.append(batch)).toThrow('checksum')
    await log.close()
    expect(() => log.append(batchOf([['a', '1']]))).toThrow('is closed')
  })
})

type Step =
  | { readonly kind: 'put'; readonly key: number; readonly value: number | null; readonly producer: number }
  | { readonly kind: 'end'; readonly producer: number; readonly commits: boolean }
  | { readonly kind: 'flush' | 'clean' | 'reopen' }

const producerArbitrary = fc.nat(2)
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('put'),
      key: fc.nat(4),
      value: fc.option(fc.nat(99)),
      producer: producerArbitrary,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('end'), producer: producerArbitrary, commits: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('flush', 'clean', 'reopen') }) },
)

interface Expected {
  readonly offset: number
  readonly key: string
  readonly value: string | null
  readonly producer: number
  state: 'open' | 'seen' | 'aborted'
}

/** Producer 0 has no transactions. What counts for a compacted log is the table that reading it gives. */
async function sameAsList(make: Kind['make'], steps: readonly Step[]): Promise<void> {
  const first = await make({ ...compacting, 'delete.retention.ms': '100000' })
  let log = first.log
  const list: Expected[] = []
  for (const step of steps) {
    if (step.kind === 'put') {
      const pair: Pair = [`k${step.key}`, step.value === null ? null : `v${step.value}`]
      const batch = step.producer === 0 ? batchOf([pair]) : inTransaction(step.producer, [pair])
      const { baseOffset: offset } = log.append(batch)
      const state = step.producer === 0 ? 'seen' : 'open'
      list.push({ offset, key: pair[0]!, value: pair[1], producer: step.producer, state })
    } else if (step.kind === 'end') {
      if (step.producer === 0 || !list.some((r) => r.producer === step.producer && r.state === 'open'))
        continue
      log.append(ended(step.commits ? 'commit' : 'abort', step.producer))
      const open = list.filter((r) => r.producer === step.producer && r.state === 'open')
      for (const record of open) record.state = step.commits ? 'seen' : 'aborted'
    } else if (step.kind === 'reopen') log = await first.reopen(log)
    else if (step.kind === 'clean') await log.clean(5000)
    else await log.flushed()
  }
  await log.flushed()
  const stable = list.find(({ state }) => state === 'open')?.offset ?? log.nextOffset
  expect(log.stableOffset).toBe(stable)
  const seen = list.filter(({ state, offset }) => state === 'seen' && offset < stable)
  expect(tableOf(await contentOf(log))).toEqual(
    tableOf(seen.map((r) => `${r.offset}:${r.key}=${r.value ?? ''}`)),
  )
  await log.close()
}

function tableOf(content: readonly string[]): Record<string, string> {
  const table: Record<string, string> = {}
  for (const line of content) {
    const [, offset, key, value] = /^(\d+):(\w+)=(\w*)$/.exec(line)!
    table[key!] = `${offset}:${value}`
  }
  return table
}
