/** All policies of a call at once, each touchy: what they hold, hurry or repeat comes out as it would without them. */
import { defineApp, json, string, topic } from '../../src/index.ts'
import { source } from '../../src/enrich/index.ts'
import { addItem, answerTo, type Scenario } from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, events, eventsOf } from './events.ts'

const answered = topic('answered', { key: string, value: json<string>() })
const keptAnswers = topic('kept', { key: string, value: json<string>() })

export const policies: Scenario = {
  name: 'policies',
  topics: [{ name: 'events' }, { name: 'answered' }, { name: 'kept' }],
  app: (ask) =>
    defineApp('policies', (flow) => {
      const held = source((event: Event, _key, call) => ask(String(event.n), call.signal), {
        retry: 40,
        timeout: '500ms',
        rate: { limit: '40/s', burst: 3 },
        hedge: { after: '60ms', budget: 0.5 },
        breaker: { window: 8, minimum: 2, failureRate: 0.3, wait: '200ms', probes: 2 },
      })
      const kept = source((event: Event, _key, call) => ask(String(event.n), call.signal), {
        retry: 40,
        cache: {
          ttl: '100ms',
          staleWhileRevalidate: '200ms',
          staleIfError: '1m',
          maxBytes: 1000,
          persist: true,
          key: (event: Event) => String(event.n),
        },
      })
      const write = source((event: Event, _key, call) => ask(String(event.n), call.signal), {
        kind: 'write',
        retry: 40,
      })
      const stream = flow.stream(events)
      stream
        .enrich(
          { kept, write },
          {
            name: 'ask-and-keep',
            order: 'key',
            deadline: '10m',
            join: (event, { kept: one, write: other }) => `${event.id} ${one} ${other}`,
          },
        )
        .to(keptAnswers)
      stream
        .enrich(held, {
          name: 'ask-under-policies',
          concurrency: { min: 2, max: 8 },
          maxPendingPerKey: 3,
          maxPendingBytes: 2000,
          deadline: '10m',
          join: (event, answer) => `${event.id} ${answer}`,
        })
        .to(answered)
    }),
  inputs: eventInputs,
  outputs: [
    {
      topic: 'answered',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        for (const { key, value } of eventsOf(inputs))
          addItem(lanes, key, `${value.id} ${answerTo(String(value.n))}`)
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'kept',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        for (const { key, value } of eventsOf(inputs)) {
          const answer = answerTo(String(value.n))
          addItem(lanes, key, `${value.id} ${answer} ${answer}`)
        }
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
