import { describe, expect, it } from 'vitest'
import type { Broker } from '../../../src/core/broker.ts'
import { isSluiceError } from '../../../src/core/errors.ts'
import type { HostileEvent, HostileFaults } from '../../../src/testing/hostile-broker.ts'
import { openEmbedded } from '../../../src/brokers/embedded/cluster.ts'
import { hostileBroker } from '../../../src/testing/hostile-broker.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'
import {
  committed,
  joinOptions,
  readValues,
  readyProducer,
  rejection,
  sendValues,
  settle,
} from '../contract/harness.ts'
import { TestClock } from '../test-clock.ts'

interface Setting {
  readonly hostile: Broker
  readonly calm: Broker
  readonly events: HostileEvent[]
}

async function setting(seed: number, faults: HostileFaults): Promise<Setting> {
  const clock = new TestClock()
  const random = seededRandom(seed)
  const cluster = await openEmbedded({ clock, random })
  const events: HostileEvent[] = []
  const calm = cluster.connect({ clock, random })
  await calm.admin.createTopic({ name: 'in', partitions: 1 })
  const log = (event: HostileEvent): unknown => events.push(event)
  return {
    hostile: hostileBroker(cluster.connect({ clock, random }), { clock, random, faults, log }),
    calm,
    events,
  }
}

describe('a broker whose replies get lost', () => {
  it('leaves a commit unknown, done or not, and init resolves it', async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 12; seed++) {
      const { hostile, calm } = await setting(seed, { lostCommit: 1 })
      const producer = await readyProducer(hostile, 'txn')
      await sendValues(producer, 'in', 0, ['a'])
      await rejection(producer.commit(), 'SLUICE_TXN_OUTCOME_UNKNOWN')
      await rejection(producer.abort(), 'SLUICE_TXN_STATE')
      await producer.init()
      seen.add((await readValues(calm, 'in', 0)).join())
      // Whatever it was, it is over: nothing is held back any more.
      expect(await calm.admin.listOffset('in', 0, 'latest', 'read_committed')).toBe(2)
    }
    expect([...seen].toSorted()).toEqual(['', 'a'])
  })

  it('may have written what a send was not answered for; the abort hides it', async () => {
    const { hostile, calm, events } = await setting(1, { lostSend: 1 })
    const producer = await readyProducer(hostile, 'txn')
    await rejection(sendValues(producer, 'in', 0, ['a']), 'SLUICE_BROKER_UNAVAILABLE')
    expect(await readValues(calm, 'in', 0, 'read_uncommitted')).toEqual(['a'])
    await rejection(producer.commit(), 'SLUICE_TXN_STATE')
    await producer.abort()
    expect(await readValues(calm, 'in', 0)).toEqual([])
    expect(events).toContainEqual({ call: 'send', fault: 'lostSend' })
  })

  it('may hold offsets a sendOffsets was not answered for; the abort drops them', async () => {
    const { hostile, calm } = await setting(1, { lostOffsets: 1 })
    const producer = await readyProducer(hostile, 'txn')
    const member = await hostile.join(joinOptions('p'))
    await settle(member)
    await rejection(
      producer.sendOffsets([committed('in', 0, 1)], member.fence()),
      'SLUICE_BROKER_UNAVAILABLE',
    )
    await producer.abort()
    expect(await calm.committedOffsets('app')).toEqual([])
  })

  it('is unavailable now and then: repeating helps, and nothing happened before', async () => {
    const { hostile, calm } = await setting(3, { unavailable: 0.95 })
    const errors: unknown[] = []
    const create = (): Promise<boolean> =>
      hostile.admin.createTopic({ name: 'new', partitions: 1 }).then(
        () => true,
        (error: unknown) => errors.push(error) < 0,
      )
    const before: number[] = []
    while (!(await create())) before.push((await calm.admin.describeTopics(['new'])).length)
    expect(before.length).toBeGreaterThan(0)
    expect(Math.max(...before)).toBe(0)
    expect(errors.every((error) => isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE'))).toBe(true)
    expect(await calm.admin.describeTopics(['new'])).toHaveLength(1)
  })

  it('strikes the same way for the same seed', async () => {
    const run = async (): Promise<readonly HostileEvent[]> => {
      const { hostile, events } = await setting(9, { lostCommit: 0.5, unavailable: 0.3 })
      for (let i = 0; i < 10; i++) {
        const producer = await readyProducer(hostile, 'txn')
        await sendValues(producer, 'in', 0, [`${i}`])
        await producer.commit().catch(() => undefined)
        await hostile.admin.listGroups().catch(() => undefined)
      }
      return events
    }
    expect(await run()).toEqual(await run())
  })
})
