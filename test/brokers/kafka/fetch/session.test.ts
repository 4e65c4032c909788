import { describe, expect, it } from 'vitest'
import type { WantedPartition } from '../../../../src/brokers/kafka/fetch/session.ts'
import { FetchSession } from '../../../../src/brokers/kafka/fetch/session.ts'

const wanted = (partition: number, fetchOffset = 0): WantedPartition => ({
  topic: 'in',
  topicId: 'in-id',
  partition,
  fetchOffset,
  currentLeaderEpoch: 1,
  partitionMaxBytes: 100,
})

const asked = (request: ReturnType<FetchSession['request']>): unknown => [
  request.sessionId,
  request.sessionEpoch,
  request.topics.flatMap(({ partitions }) => partitions.map((one) => `${one.partition}@${one.fetchOffset}`)),
  request.forgottenTopicsData.flatMap(({ partitions }) => partitions),
]

describe('a fetch session', () => {
  it('asks for everything first, then only for what moved, came or went', () => {
    const session = new FetchSession()
    expect(asked(session.request([wanted(0), wanted(1)]))).toEqual([0, 0, ['0@0', '1@0'], []])
    session.answered(77)
    expect(asked(session.request([wanted(0, 5), wanted(1), wanted(2)]))).toEqual([77, 1, ['0@5', '2@0'], []])
    session.answered(77)
    expect(asked(session.request([wanted(2)]))).toEqual([77, 2, [], [0, 1]])
  })

  it('asks for everything again after a lost answer, and closes the old session with it', () => {
    const session = new FetchSession()
    session.request([wanted(0)])
    session.answered(77)
    session.request([wanted(0, 5)])
    session.reset()
    expect(asked(session.request([wanted(0, 5)]))).toEqual([77, 0, ['0@5'], []])
  })

  it('sends full requests to a broker that keeps no session or forgot it', () => {
    const session = new FetchSession()
    session.request([wanted(0)])
    session.answered(0)
    expect(asked(session.request([wanted(0)]))).toEqual([0, 0, ['0@0'], []])
    session.answered(78)
    session.request([wanted(0)])
    session.forgotten()
    expect(asked(session.request([wanted(0)]))).toEqual([0, 0, ['0@0'], []])
  })
})
