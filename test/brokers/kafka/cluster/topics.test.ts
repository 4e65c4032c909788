/** What is known of topics, out of answers of brokers that lag behind one another. */
import { describe, expect, it } from 'vitest'
import { Topics } from '../../../../src/brokers/kafka/cluster/topics.ts'
import { ZERO_UUID } from '../../../../src/brokers/kafka/protocol/api.ts'
import type { MetadataResponseTopic } from '../../../../src/brokers/kafka/protocol/messages/metadata.ts'

const ID = 'aaaaaaaaaaaaaaaaaaaaaQ'

/** An answer about topic `t`: for each partition its leader and epoch. */
function answer(
  partitions: readonly (readonly [leader: number, epoch: number])[],
  topicId = ID,
): MetadataResponseTopic {
  return {
    errorCode: 0,
    name: 't',
    topicId,
    isInternal: false,
    topicAuthorizedOperations: 0,
    partitions: partitions.map(([leaderId, leaderEpoch], partitionIndex) => ({
      errorCode: leaderId === -1 ? 5 : 0,
      partitionIndex,
      leaderId,
      leaderEpoch,
      replicaNodes: [1, 2],
      isrNodes: [1],
      offlineReplicas: [],
    })),
  }
}

const gone: MetadataResponseTopic = { ...answer([]), errorCode: 3, topicId: ZERO_UUID }

describe('topics', () => {
  it('never go back to a leader of an older epoch', () => {
    const topics = new Topics()
    expect(topics.merge([answer([[1, 5]])])).toBe(true)
    expect(topics.merge([answer([[2, 4]])])).toBe(false)
    expect(topics.leader('t', 0)).toEqual({ brokerId: 1, epoch: 5, topicId: ID })
    expect(topics.merge([answer([[2, 6]])])).toBe(true)
    expect(topics.leader('t', 0)).toMatchObject({ brokerId: 2, epoch: 6 })
    expect(topics.merge([answer([[2, 6]])])).toBe(false)
  })

  it('take what a broker says of a move only if it is newer', () => {
    const topics = new Topics()
    topics.merge([answer([[1, 5]])])
    expect(topics.moved('t', 0, { brokerId: 2, epoch: 5 })).toBe(false)
    expect(topics.moved('t', 0, { brokerId: 2, epoch: 6 })).toBe(true)
    expect(topics.moved('t', 7, { brokerId: 2, epoch: 6 })).toBe(false)
    topics.merge([answer([[1, 5]])])
    expect(topics.leader('t', 0)).toMatchObject({ brokerId: 2, epoch: 6 })
  })

  it('grow, and never lose a partition to a broker that lags behind', () => {
    const topics = new Topics()
    topics.merge([answer([[1, 0]])])
    expect(
      topics.merge([
        answer([
          [1, 0],
          [2, 0],
        ]),
      ]),
    ).toBe(true)
    expect(topics.merge([answer([[1, 0]])])).toBe(false)
    expect(topics.get('t')!.partitions).toHaveLength(2)
  })

  it('that were made anew are other topics: epochs and partitions of the old one count for nothing', () => {
    const topics = new Topics()
    topics.merge([
      answer([
        [1, 9],
        [1, 9],
      ]),
    ])
    const next = 'bbbbbbbbbbbbbbbbbbbbbQ'
    expect(topics.merge([answer([[2, 0]], next)])).toBe(true)
    expect(topics.leader('t', 0)).toEqual({ brokerId: 2, epoch: 0, topicId: next })
    expect(topics.get('t')!.partitions).toHaveLength(1)
    expect([topics.nameOf(ID), topics.nameOf(next)]).toEqual([undefined, 't'])
  })

  it('are gone when that is said twice in a row', () => {
    const topics = new Topics()
    topics.merge([answer([[1, 0]])])
    expect(topics.merge([gone])).toBe(false)
    expect(topics.incomplete).toBe(true)
    topics.merge([answer([[1, 0]])])
    expect(topics.incomplete).toBe(false)
    expect(topics.merge([gone])).toBe(false)
    expect(topics.merge([gone])).toBe(true)
    expect(topics.get('t')).toBeUndefined()
    expect(topics.nameOf(ID)).toBeUndefined()
  })

  it('without a leader somewhere are incomplete, and tell none', () => {
    const topics = new Topics()
    topics.merge([
      answer([
        [1, 0],
        [-1, 3],
      ]),
    ])
    expect(topics.incomplete).toBe(true)
    expect(topics.leader('t', 1)).toBeUndefined()
    topics.merge([
      answer([
        [1, 0],
        [2, 4],
      ]),
    ])
    expect(topics.incomplete).toBe(false)
  })

  it('keep what is known where an answer is a failure of another kind', () => {
    const topics = new Topics()
    topics.merge([answer([[1, 0]])])
    for (const errorCode of [5, 29, 7]) topics.merge([{ ...gone, errorCode }])
    expect(topics.leader('t', 0)).toBeDefined()
  })
})
