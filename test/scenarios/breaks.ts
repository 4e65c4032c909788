/** A touchy circuit breaker that opens at nearly every fault: held calls get through kills, rebalances and commits as others do. */
import { defineApp, json, string, topic } from '../../src/index.ts'
import { source } from '../../src/enrich/index.ts'
import { addItem, answerTo, type Scenario } from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, events, eventsOf } from './events.ts'

const answered = topic('answered', { key: string, value: json<string>() })

export const breaks: Scenario = {
  name: 'breaks',
  topics: [{ name: 'events' }, { name: 'answered' }],
  app: (ask) =>
    defineApp('breaks', (flow) => {
      const touchy = source((event: Event, _key, call) => ask(String(event.n), call.signal), {
        retry: 40,
        timeout: '500ms',
        breaker: {
          window: 8,
          minimum: 2,
          failureRate: 0.2,
          slow: '100ms',
          slowRate: 0.3,
          wait: '300ms',
          probes: 2,
        },
      })
      flow
        .stream(events)
        .enrich(touchy, {
          name: 'ask-behind-breaker',
          concurrency: 8,
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
