import { describe, expect, it } from 'vitest'
import { TopicLimits } from '../../../../src/brokers/kafka/produce/limits.ts'
import { systemClock } from '../../../../src/platform/clock.ts'

const limits = (): TopicLimits => new TopicLimits({ ...systemClock, now: () => 1_000_000 })

describe('limits of topics', () => {
  it('are those of Kafka until a topic is known, and then its own', () => {
    const known = limits()
    expect(known.of('in')).toEqual({ bytes: 1_048_588, latest: Infinity, needsKey: false })
    known.learn('in', {
      'max.message.bytes': '2000',
      'message.timestamp.after.max.ms': '3600000',
      'cleanup.policy': 'compact,delete',
    })
    expect(known.of('in')).toEqual({ bytes: 2000, latest: 4_600_000, needsKey: true })
    expect(known.of('out').bytes).toBe(1_048_588)
  })

  it('let any time pass where the broker stamps records itself, or is too old to look', () => {
    const known = limits()
    const ahead = { 'message.timestamp.after.max.ms': '1000' }
    known.learn('stamped', { ...ahead, 'message.timestamp.type': 'LogAppendTime' })
    known.learn('old', { 'max.message.bytes': '1000' })
    expect([known.of('stamped').latest, known.of('old').latest]).toEqual([Infinity, Infinity])
  })
})
