/** Stateless verbs: filter, mapValues, flatMapValues, branch, merge; nothing lost, doubled or reordered per key. */
import { defineApp, json, string, topic } from '../../src/index.ts'
import { addItem, type Scenario } from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, events, eventsOf } from './events.ts'

const out = topic('out', { key: string, value: json<string>() })
const pieces = topic('pieces', { key: string, value: json<string>() })

const keep = (event: Event): boolean => event.n !== 3
const even = (event: Event): boolean => event.n % 2 === 0

export const stateless: Scenario = {
  name: 'stateless',
  topics: [{ name: 'events' }, { name: 'out' }, { name: 'pieces' }],
  app: () =>
    defineApp('stateless', (flow) => {
      const kept = flow.stream(events).filter(keep)
      const { evens, default: odds } = kept.branch({ evens: even })
      evens
        .mapValues((event) => `even ${event.id}`)
        .merge(odds.mapValues((event) => `odd ${event.id}`))
        .to(out)
      kept
        .flatMapValues((event) => Array.from({ length: event.n % 3 }, (_, at) => `${event.id}/${at}`))
        .to(pieces)
    }),
  inputs: eventInputs,
  outputs: [
    {
      topic: 'out',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        for (const { key, value } of eventsOf(inputs)) {
          if (keep(value)) addItem(lanes, key, `${even(value) ? 'even' : 'odd'} ${value.id}`)
        }
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'pieces',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        for (const { key, value } of eventsOf(inputs)) {
          if (!keep(value)) continue
          for (let at = 0; at < value.n % 3; at++) addItem(lanes, key, `${value.id}/${at}`)
        }
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
