/** The sentences of `join`, `GroupMember` and `AssignmentChange`. */
import { describe, expect, it } from 'vitest'
import type { GroupTopology } from '../../../src/core/broker.ts'
import { taskName } from '../../../src/core/record.ts'
import type { ClusterUnderTest, MakeCluster } from './harness.ts'
import {
  ONE_SUBTOPOLOGY,
  committed,
  eventually,
  joinOptions,
  moment,
  nextChange,
  opened,
  rejection,
  settle,
} from './harness.ts'

async function setting(make: MakeCluster, partitions = 4): Promise<ClusterUnderTest> {
  const cluster = await opened(make)
  const { broker } = await cluster.connect()
  await broker.admin.createTopic({ name: 'in', partitions })
  return cluster
}

export function groupsContract(make: MakeCluster): void {
  describe('groups', () => {
    it('give the first member all tasks: as many as its largest source topic has partitions', async () => {
      const cluster = await setting(make)
      const { broker } = await cluster.connect()
      await broker.admin.createTopic({ name: 'small', partitions: 2 })
      const topology: GroupTopology = {
        subtopologies: [
          { id: 0, sourceTopics: ['in', 'small'], changelogTopics: [] },
          { id: 1, sourceTopics: ['small'], changelogTopics: ['log'] },
        ],
      }
      const member = await broker.join(joinOptions('p', { topology }))
      const told = Promise.withResolvers<void>()
      member.onChange(() => told.resolve())
      await told.promise
      const change = member.change!
      expect(change.active.map(taskName).toSorted()).toEqual(['0_0', '0_1', '0_2', '0_3', '1_0', '1_1'])
      expect(change.assigned).toEqual(change.active)
      expect(change.revoked).toEqual([])
      expect(member.change).toBe(change)
      const before = member.fence()
      await member.acknowledge(change)
      expect(member.change).toBeUndefined()
      expect(member.lost).toBeUndefined()
      expect(member.fence()).toMatchObject({ group: 'app', memberId: member.memberId })
      expect(member.fence().epoch).not.toBe(before.epoch)
    })

    it('are described by their living members, where those answer questions, and their tasks', async () => {
      const cluster = await setting(make)
      const { broker } = await cluster.connect()
      expect(await broker.admin.describeGroup('app')).toEqual([])
      const endpoint = 'http://10.0.0.1:8080'
      const first = await broker.join(joinOptions('p', { endpoint }))
      await settle(first)
      const second = await (await cluster.connect()).broker.join(joinOptions('q'))
      await settle(first)
      await settle(second)
      const described = await broker.admin.describeGroup('app')
      expect(new Map(described.map(({ processId, endpoint: where }) => [processId, where]))).toEqual(
        new Map([
          ['p', endpoint],
          ['q', undefined],
        ]),
      )
      expect(described.map(({ memberId }) => memberId).toSorted()).toEqual(
        [first.memberId, second.memberId].toSorted(),
      )
      const tasks = described.flatMap(({ active }) => active.map(taskName))
      expect(tasks.toSorted()).toEqual(['0_0', '0_1', '0_2', '0_3'])
      expect(described.map(({ active }) => active.length)).toEqual([2, 2])
      await second.leave()
      await settle(first)
      expect((await broker.admin.describeGroup('app')).map(({ processId }) => processId)).toEqual(['p'])
    })

    it('are ended for all members by one that asks for it, where the protocol can say so', async () => {
      const cluster = await setting(make)
      const { broker } = await cluster.connect()
      const first = await broker.join(joinOptions('p'))
      await settle(first)
      const second = await (await cluster.connect()).broker.join(joinOptions('q'))
      await settle(first)
      await settle(second)
      if (second.stopAll === undefined) return
      await second.stopAll('enough')
      await eventually(() => first.lost !== undefined && second.lost !== undefined, 'the loss of both')
      expect([first, second].map(({ lost }) => lost?.code)).toEqual([
        'SLUICE_APPLICATION_STOPPED',
        'SLUICE_APPLICATION_STOPPED',
      ])
      expect(first.lost?.message).toContain('enough')
      await rejection(first.commit([committed('in', 0, 1)]), 'SLUICE_APPLICATION_STOPPED')
      expect(await broker.admin.describeGroup('app')).toEqual([])
      const next = await (await cluster.connect()).broker.join(joinOptions('p'))
      expect((await settle(next)).active).toHaveLength(4)
    })

    it('tell a listener that comes late of the change that is there already', async () => {
      const cluster = await setting(make)
      const member = await (await cluster.connect()).broker.join(joinOptions('p'))
      const change = await nextChange(member)
      await new Promise<void>((resolve) => member.onChange(resolve))
      expect(member.change).toBe(change)
    })

    it('offer a task to a newcomer only after its owner acknowledged the revocation', async () => {
      const cluster = await setting(make)
      const first = await (await cluster.connect()).broker.join(joinOptions('p1'))
      await settle(first)
      const second = await (await cluster.connect()).broker.join(joinOptions('p2'))
      const change = await nextChange(first)
      expect([change.active.length, change.revoked.length, change.assigned.length]).toEqual([2, 2, 0])
      await moment()
      expect(second.change).toBeUndefined()
      await first.commit([committed('in', 0, 5)])
      await first.acknowledge(change)
      const given = await settle(second)
      expect(given.assigned.map(taskName).toSorted()).toEqual(change.revoked.map(taskName).toSorted())
    })

    it('pass on the tasks of one who leaves, or whose connection closes, at once', async () => {
      const cluster = await setting(make)
      const { broker } = await cluster.connect()
      const one = await broker.join(joinOptions('p1'))
      await settle(one)
      const client = await cluster.connect()
      const other = await client.broker.join(joinOptions('p2'))
      await settle(one)
      await settle(other)
      await client.broker.close()
      expect((await settle(one)).active.length).toBe(4)
      expect(other.change).toBeUndefined()
      await rejection(other.commit([committed('in', 0, 1)]), 'SLUICE_CLOSED')
    })

    it('expel a silent member after its session, refuse its late commit, and pass its tasks on', async () => {
      const cluster = await setting(make)
      const silent = await cluster.connect()
      const zombie = await silent.broker.join(joinOptions('p1'))
      await settle(zombie)
      const fence = zombie.fence()
      const alive = await (await cluster.connect()).broker.join(joinOptions('p2'))
      silent.stop()
      await cluster.elapse(9000)
      expect(alive.change).toBeUndefined()
      await cluster.elapse(3000)
      expect((await settle(alive)).active.length).toBe(4)
      await alive.commit([committed('in', 0, 8)])
      await rejection(zombie.commit([committed('in', 0, 1)]), 'SLUICE_MEMBER_FENCED')
      await rejection(zombie.committed([{ topic: 'in', partition: 0 }]), 'SLUICE_MEMBER_FENCED')
      const producer = silent.broker.producer({ transactionalId: 'zombie' })
      await producer.init()
      await rejection(producer.sendOffsets([committed('in', 0, 1)], fence), 'SLUICE_MEMBER_FENCED')
      const lost = await eventually(() => zombie.lost, 'lost')
      expect(lost.code).toBe('SLUICE_MEMBER_FENCED')
      expect(await alive.committed([{ topic: 'in', partition: 0 }])).toEqual([committed('in', 0, 8)])
    })

    it('keep members that live for many sessions', async () => {
      const cluster = await setting(make)
      const member = await (await cluster.connect()).broker.join(joinOptions('p1'))
      await settle(member)
      await cluster.elapse(25_000)
      expect(member.lost).toBeUndefined()
      await member.commit([committed('in', 0, 1)])
    })

    it('refuse a member with another topology while others live, and take it once they are gone', async () => {
      const cluster = await setting(make)
      const { broker } = await cluster.connect()
      const first = await broker.join(joinOptions('p1'))
      const topology: GroupTopology = {
        subtopologies: [{ id: 0, sourceTopics: ['in', 'new'], changelogTopics: [] }],
      }
      const message = await rejection(broker.join(joinOptions('p2', { topology })), 'SLUICE_TOPOLOGY')
      expect(message).toContain('new')
      await first.leave()
      await broker.join(joinOptions('p2', { topology }))
    })

    it('look again when topics come and go', async () => {
      const cluster = await opened(make)
      const { broker } = await cluster.connect()
      const member = await broker.join(joinOptions('p'))
      await moment()
      expect(member.change).toBeUndefined()
      await broker.admin.createTopic({ name: 'in', partitions: 2 })
      expect((await settle(member)).assigned.length).toBe(2)
      await broker.admin.deleteTopic('in')
      expect((await settle(member)).revoked.length).toBe(2)
    })

    it('keep stand-bys on other processes, and return tasks to the process that has their state', async () => {
      const cluster = await setting(make)
      const one = await (await cluster.connect()).broker.join(joinOptions('p1', { standbyReplicas: 1 }))
      const all = await settle(one)
      const ownedState = all.active.slice(1, 3)
      const options = joinOptions('p2', { standbyReplicas: 1, ownedState })
      const other = await (await cluster.connect()).broker.join(options)
      const early = await settle(other)
      expect([early.active, early.standby.length]).toEqual([[], 2])
      const revoked = await settle(one)
      expect(revoked.revoked).toEqual(ownedState)
      const given = await settle(other)
      const names = (tasks: typeof given.active): string[] => tasks.map(taskName).toSorted()
      expect(names(given.active)).toEqual(names(ownedState))
      expect(names(given.standby)).toEqual(names(revoked.active))
      expect(names(revoked.standby)).toEqual(names(ownedState))
    })

    it('keep committed offsets with their metadata, per group', async () => {
      const cluster = await setting(make)
      const { broker } = await cluster.connect()
      const member = await broker.join(joinOptions('p'))
      await settle(member)
      await member.commit([committed('in', 0, 1, 'x'), committed('in', 1, 2)])
      await member.commit([committed('in', 0, 3, 'ü'.repeat(2048))])
      await rejection(member.commit([committed('in', 0, 4, 'x'.repeat(4097))]), 'SLUICE_CONFIG_INVALID')
      const asked = [0, 1, 2].map((partition) => ({ topic: 'in', partition }))
      const expected = [committed('in', 0, 3, 'ü'.repeat(2048)), committed('in', 1, 2)]
      expect(await member.committed(asked)).toEqual(expected)
      expect(await broker.committedOffsets('app')).toEqual(expected)
      expect(await broker.committedOffsets('other')).toEqual([])
      const elsewhere = await broker.join(joinOptions('p', { group: 'other', topology: ONE_SUBTOPOLOGY }))
      await settle(elsewhere)
      expect(await elsewhere.committed(asked)).toEqual([])
    })
  })
}
