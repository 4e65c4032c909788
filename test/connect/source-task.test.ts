/** Exactly once over every place where a source task can be cut off, on a folder that is closed and opened again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { positionsTopic, readPosition } from '../../src/connect/positions.ts'
import { startSource } from '../../src/connect/source-task.ts'
import type { SourceTask } from '../../src/connect/source-task.ts'
import type { Broker, Producer } from '../../src/core/broker.ts'
import { isSluiceError, sluiceError } from '../../src/core/errors.ts'
import { SILENT } from '../../src/core/log.ts'
import type { RecordSource } from '../../src/core/source.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { connect, openCluster, visible } from './embedded.ts'

/** Counts from 0 up to `total`; the position is the next number. */
function numbers(total: number, topic = 'numbers'): RecordSource {
  return {
    label: 'numbers',
    topics: [{ name: topic, compacted: false }],
    open(position) {
      let next = Number(position ?? 0)
      return Promise.resolve({
        poll(limit) {
          const upTo = Math.min(total, next + limit)
          const records = Array.from({ length: upTo - next }, (_, at) => {
            return { topic, key: `k${(next + at) % 7}`, value: String(next + at), timestamp: next + at }
          })
          next = upTo
          return Promise.resolve({ records, position: String(next), atEnd: next === total })
        },
        close: () => Promise.resolve(),
      })
    },
  }
}

type Step = 'send' | 'commit' | 'after commit'

/** A broker whose producer dies at the given step of its n-th transaction, as a killed process would. */
function cutAt(broker: Broker, step: Step, transaction: number): Broker {
  let count = 0
  const dead = (): Promise<never> => Promise.reject(sluiceError('SLUICE_CLOSED', { what: 'this process' }))
  const wrap = (producer: Producer): Producer => ({
    init: () => producer.init(),
    target: (topic, partition) => producer.target(topic, partition),
    buffer: () => producer.buffer(),
    async send(buffer) {
      count++
      if (count === transaction && step === 'send') return dead()
      return producer.send(buffer)
    },
    sendOffsets: (offsets, fence) => producer.sendOffsets(offsets, fence),
    async commit() {
      if (count === transaction && step === 'commit') return dead()
      await producer.commit()
      if (count === transaction && step === 'after commit') return dead()
    },
    abort: () => producer.abort(),
    // A killed process closes nothing.
    close: () => Promise.resolve(),
  })
  return {
    kind: broker.kind,
    clusterId: () => broker.clusterId(),
    admin: broker.admin,
    fetcher: (options) => broker.fetcher(options),
    producer: (options) => wrap(broker.producer(options)),
    join: (options) => broker.join(options),
    committedOffsets: (group) => broker.committedOffsets(group),
    close: () => broker.close(),
  }
}

function start(broker: Broker, total: number): Promise<SourceTask> {
  return startSource(
    { name: 'counter', source: numbers(total), batchRecords: 10, pollIntervalMs: 5 },
    { broker, clock: systemClock, log: SILENT },
  )
}

describe('a source task', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-source-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it.each(['send', 'commit', 'after commit'] as const)(
    'loses and doubles nothing when it is cut off at %s and goes on in a new process',
    async (step) => {
      const first = await openCluster(folder)
      const cut = await start(cutAt(connect(first), step, 3), 95)
      await expect(cut.ended).rejects.toThrow('this process is closed')
      await first.close()

      const second = await openCluster(folder)
      const broker = connect(second)
      const task = await start(broker, 95)
      await task.reachedEnd
      await task.close()
      const values = (await visible(broker, 'numbers')).map(({ value }) => Number(value))
      expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 95 }, (_, at) => at))
      expect(task.written).toBe(95 - (step === 'after commit' ? 30 : 20))
      expect(await readPosition(broker, systemClock, 'counter')).toBe('95')
      await second.close()
    },
  )

  it('keeps the order of a key and the event time', async () => {
    const cluster = await openCluster()
    const broker = connect(cluster)
    const task = await start(broker, 50)
    await task.reachedEnd
    await task.close()
    const ofKey = (await visible(broker, 'numbers')).filter(({ key }) => key === 'k3')
    expect(ofKey.map(({ value }) => Number(value))).toEqual([3, 10, 17, 24, 31, 38, 45])
    expect(ofKey.every(({ value, timestamp }) => Number(value) === timestamp)).toBe(true)
    await cluster.close()
  })

  it('stops when another process starts the same source', async () => {
    const cluster = await openCluster()
    const first = await startSource(
      { name: 'counter', source: endless(), pollIntervalMs: 5 },
      { broker: connect(cluster), clock: systemClock, log: SILENT },
    )
    const second = await start(connect(cluster), 1)
    const failed: unknown = await first.ended.catch((error: unknown) => error)
    expect(isSluiceError(failed, 'SLUICE_PRODUCER_FENCED')).toBe(true)
    await second.close()
    await cluster.close()
  })

  it('opens the source again where it stopped when reading failed for a passing reason', async () => {
    const cluster = await openCluster()
    const broker = connect(cluster)
    const steady = numbers(40)
    let polls = 0
    const flaky: RecordSource = {
      ...steady,
      async open(position) {
        const reader = await steady.open(position)
        return {
          close: () => reader.close(),
          poll: (limit) => (++polls % 3 === 0 ? Promise.reject(busy) : reader.poll(limit)),
        }
      },
    }
    const task = await startSource(
      { name: 'counter', source: flaky, batchRecords: 10, pollIntervalMs: 5 },
      { broker, clock: systemClock, log: SILENT },
    )
    await task.reachedEnd
    await task.close()
    const values = (await visible(broker, 'numbers')).map(({ value }) => Number(value))
    expect(values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, at) => at))
    await cluster.close()
  })

  it('keeps its position in a compacted topic', async () => {
    const cluster = await openCluster()
    const broker = connect(cluster)
    const task = await start(broker, 3)
    await task.reachedEnd
    await task.close()
    const [topic] = await broker.admin.describeTopics([positionsTopic('counter')])
    expect(topic).toMatchObject({ partitions: 1, config: { 'cleanup.policy': 'compact' } })
    await cluster.close()
  })
})

const busy = sluiceError('SLUICE_SOURCE_FAILED', { source: 'numbers', problem: 'busy' })

/** Always has one more. */
function endless(): RecordSource {
  return numbers(Number.MAX_SAFE_INTEGER, 'endless')
}
