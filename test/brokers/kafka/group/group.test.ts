/** Leader and members without a broker: rounds of joins in random order, and the promises that must hold whatever happens. */
import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import type { GroupTopology } from '../../../../src/core/broker.ts'
import { taskName } from '../../../../src/core/record.ts'
import type { JoinedMember } from '../../../../src/brokers/kafka/group/leader.ts'
import { assignGroup, tasksOf } from '../../../../src/brokers/kafka/group/leader.ts'
import { Ownership } from '../../../../src/brokers/kafka/group/ownership.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../../src/brokers/kafka/group/user-data.ts'

const topology: GroupTopology = {
  subtopologies: [
    { id: 0, sourceTopics: ['in', 'small'], changelogTopics: ['log'] },
    { id: 1, sourceTopics: ['small'], changelogTopics: [] },
  ],
}

interface Simulated {
  readonly memberId: string
  readonly ownership: Ownership
  /** What its worker processes: acknowledged and not given up. */
  processes: ReadonlySet<string>
}

class Group {
  readonly members: Simulated[] = []
  counts: ReadonlyMap<string, number>
  #generation = -1
  #named = 0

  constructor(counts: ReadonlyMap<string, number>) {
    this.counts = counts
  }

  join(meanwhile?: () => void): void {
    this.members.push({ memberId: `m${this.#named++}`, ownership: new Ownership(), processes: new Set() })
    this.round(meanwhile)
  }

  leave(index: number, meanwhile?: () => void): void {
    this.members.splice(index, 1)
    if (this.members.length > 0) this.round(meanwhile)
  }

  /** One generation: everybody joins with its claims, the leader assigns, everybody is told. Through the real codecs. */
  round(meanwhile: () => void = () => undefined): void {
    const joined: JoinedMember[] = this.members.map(({ memberId, ownership }) => {
      const { owned, standby, target } = ownership
      ownership.claim()
      const generation = ownership.target.length > 0 ? this.#generation : -1
      const said = { processId: memberId, topology, owned, standby, target, generation }
      const bytes = encodeSubscription({ ...said, state: [], standbyReplicas: 1 })
      return { memberId, subscription: decodeSubscription(bytes) }
    })
    this.#generation++
    // Workers go on while their members join.
    meanwhile()
    const given = assignGroup(joined, this.counts)
    for (const { memberId, ownership } of this.members)
      ownership.receive(decodeAssignment(encodeAssignment(given.get(memberId)!, [])))
  }

  acknowledge(member: Simulated): void {
    const { change } = member.ownership
    if (change === undefined) return
    member.processes = new Set(change.active.map(taskName))
    member.ownership.acknowledge(change)
  }

  /** Those who gave something up join again, until everybody was told. */
  tell(): void {
    while (this.members.some(({ ownership }) => ownership.mustTell)) this.round()
  }

  owners(): string[] {
    return this.members.flatMap(({ processes }) => [...processes]).toSorted()
  }
}

describe('tasks of a topology', () => {
  it('are as many as its largest source has partitions, and none while a source is missing', () => {
    const counts = new Map([
      ['in', 3],
      ['small', 2],
    ])
    expect(tasksOf(topology, counts).map(taskName)).toEqual(['0_0', '0_1', '0_2', '1_0', '1_1'])
    expect(tasksOf(topology, new Map([['small', 1]])).map(taskName)).toEqual(['1_0'])
  })
})

describe('leader and members of a classic group', () => {
  it('never let two members process one task, and give all tasks to somebody in the end', () => {
    const step = fc.record({
      kind: fc.constantFrom('join', 'leave', 'acknowledge', 'acknowledge', 'tell', 'round', 'topics'),
      pick: fc.nat(100),
      busy: fc.array(fc.nat(100), { maxLength: 3 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const group = new Group(
          new Map([
            ['in', 5],
            ['small', 3],
          ]),
        )
        group.join()
        for (const { kind, pick, busy } of steps) {
          const index = pick % group.members.length
          const meanwhile = (): void =>
            busy.forEach((other) => group.acknowledge(group.members[other % group.members.length]!))
          if (kind === 'join' && group.members.length < 5) group.join(meanwhile)
          else if (kind === 'leave' && group.members.length > 1) group.leave(index, meanwhile)
          else if (kind === 'acknowledge') group.acknowledge(group.members[index]!)
          else if (kind === 'tell') group.tell()
          else if (kind === 'round') group.round(meanwhile)
          else if (kind === 'topics') {
            group.counts = new Map(group.counts).set('in', 1 + (pick % 7))
            group.round(meanwhile)
          }
          const owners = group.owners()
          expect([...new Set(owners)]).toEqual(owners)
        }
        for (let i = 0; i < 40; i++) {
          for (const member of group.members) group.acknowledge(member)
          group.tell()
        }
        expect(group.owners()).toEqual(tasksOf(topology, group.counts).map(taskName).toSorted())
        const sizes = group.members.map(({ processes }) => processes.size)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
      { numRuns: 2000 },
    )
  })

  it('say what is wrong with data that is not ours', () => {
    expect(() => decodeSubscription(Buffer.from([0, 1, 0, 0, 0, 9]))).toThrow(
      'subscription of a group member',
    )
    const strange = encodeAssignment({ active: [], standby: [], pending: [] }, [])
    const text = Buffer.from(strange).toString('latin1').replace('"active":[]', '"active":12')
    expect(() => decodeAssignment(Buffer.from(text, 'latin1'))).toThrow('a list of tasks is missing')
  })
})
