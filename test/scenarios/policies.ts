/** All policies of a call at once, each touchy: what they hold, hurry or repeat comes out as it would without them. */
import { defineApp, json, string, topic } from '../../src/index.ts'
import { source } from '../../src/enrich/index.ts'
import { addItem, answerTo, type Scenario } from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, events, eventsOf } from './events.ts'

const answered = topic('answered', { key: string, value: json<string>() })

export const policies: Scenario = {
  name: 'policies',
  topics: [{ name: 'events' }, { name: 'answered' }],
  app: (ask) =>
    defineApp('policies', (flow) => {
      const held = source((event: Event, _key, call) => ask(String(event.n), call.signal), {
        retry: 40,
        timeout: '500ms',
        rate: { limit: '40/s', burst: 3 },
        hedge: { after: '60ms', budget: 0.5 },
        breaker: { window: 8, minimum: 2, failureRate: 0.3, wait: '200ms', probes: 2 },
      })
      flow
        .stream(events)
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
  ],
}
