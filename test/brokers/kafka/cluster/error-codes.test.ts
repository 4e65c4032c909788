/** Our table of Kafka's error codes against Kafka's own list. */
import { describe, expect, it } from 'vitest'
import {
  errorKind,
  errorName,
  failure,
  isRetriable,
} from '../../../../src/brokers/kafka/cluster/error-codes.ts'
import { knownErrors } from '../vectors/vectors.ts'

describe('the table of error codes', () => {
  it('has every code of Kafka under its name', () => {
    expect(knownErrors.length).toBeGreaterThan(130)
    for (const { code, name } of knownErrors) expect(errorName(code)).toBe(name)
    expect(errorName(9999)).toBe('UNKNOWN_ERROR_9999')
  })

  it('repeats what Kafka clients repeat, and asks metadata where they do', () => {
    const having = (trait: string): readonly number[] =>
      knownErrors.filter(({ traits }) => traits.includes(trait)).map(({ code }) => code)
    expect(having('retriable').filter((code) => !isRetriable(code))).toEqual([])
    expect(having('metadata').filter((code) => errorKind(code) !== 'metadata')).toEqual([])
    expect(having('denied').filter((code) => errorKind(code) !== 'denied')).toEqual([])
  })

  it('repeats nothing else, but for a broker that is away and a leader that is not known yet', () => {
    const more = knownErrors.filter(({ code, traits }) => isRetriable(code) && !traits.includes('retriable'))
    expect(more.map(({ name }) => name)).toEqual(['BROKER_NOT_AVAILABLE'])
    expect(errorKind(9999)).toBe('fatal')
  })

  it('knows who was replaced from who may go on', () => {
    for (const code of [22, 25, 47, 82, 90, 110]) expect(errorKind(code)).toBe('fenced')
    expect(errorKind(27)).toBe('rebalance')
    expect(errorKind(120)).toBe('abortable')
  })

  it('puts a failure in words by its kind', () => {
    expect(failure(6, 'Produce')).toMatchObject({ code: 'SLUICE_BROKER_UNAVAILABLE', retry: 'retry' })
    expect(failure(29, 'Metadata')).toMatchObject({ code: 'SLUICE_KAFKA_DENIED', domain: 'user' })
    expect(failure(44, 'CreateTopics of topic "a"', 'too few replicas').message).toBe(
      'CreateTopics of topic "a": Kafka refused with POLICY_VIOLATION (44): too few replicas',
    )
  })
})
