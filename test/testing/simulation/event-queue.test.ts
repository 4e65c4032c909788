import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventQueue, type ScheduledEvent } from '../../../src/testing/simulation/event-queue.ts'

const event = (time: number, tie: number, sequence: number): ScheduledEvent => ({
  time,
  tie,
  sequence,
  name: '',
  run: () => undefined,
})

function drain(queue: EventQueue): ScheduledEvent[] {
  const popped: ScheduledEvent[] = []
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) popped.push(next)
  return popped
}

describe('the event queue', () => {
  it('agrees with sorting a list, over any pushes, pops and cancellations', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('push' as const), time: fc.nat(5), tie: fc.nat(3) }),
      fc.record({ do: fc.constant('pop' as const) }),
      fc.record({ do: fc.constant('cancel' as const), which: fc.nat(50) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const queue = new EventQueue()
        const made: ScheduledEvent[] = []
        let waiting: ScheduledEvent[] = []
        const answers: unknown[] = []
        const expected: unknown[] = []
        for (const [sequence, act] of steps.entries()) {
          if (act.do === 'push') {
            const one = event(act.time, act.tie, sequence)
            made.push(one)
            waiting.push(one)
            queue.push(one)
          } else if (act.do === 'pop') {
            const first = waiting.toSorted(
              (a, b) => a.time - b.time || a.tie - b.tie || a.sequence - b.sequence,
            )[0]
            const popped = queue.pop()
            answers.push(popped?.sequence)
            expected.push(first?.sequence)
            if (popped !== undefined) popped.run = undefined
            waiting = waiting.filter((one) => one !== first)
          } else if (made.length > 0) {
            const one = made[act.which % made.length]!
            queue.cancel(one)
            waiting = waiting.filter((other) => other !== one)
          }
          answers.push(queue.size)
          expected.push(waiting.length)
        }
        expect(answers).toEqual(expected)
      }),
    )
  })

  it('stays right when thousands of cancelled events are cleaned out', () => {
    const queue = new EventQueue()
    const all = Array.from({ length: 6_000 }, (_, at) => event((at * 7_919) % 6_000, 0, at))
    for (const one of all) queue.push(one)
    for (const one of all) if (one.time % 5 !== 0) queue.cancel(one)
    expect(queue.size).toBe(1_200)
    expect(drain(queue).map(({ time }) => time)).toEqual(Array.from({ length: 1_200 }, (_, at) => at * 5))
  })
})
