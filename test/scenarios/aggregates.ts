/**
 * Aggregations: a list per key without repartition (emitted every time), a count per group behind a repartition (every time and
 * coalesced). The list ignores ids it has, so it stands a replay; a count does not.
 */
import { defineApp, json, string, topic } from '../../src/index.ts'
import { addItem, type Scenario, type ScenarioInput } from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, events, eventsOf } from './events.ts'

const lists = topic('lists', { key: string, value: json<readonly number[]>() })
const counts = topic('counts', { key: string, value: json<number>() })
const totals = topic('totals', { key: string, value: json<number>() })

function addOnce(list: readonly number[], event: Event): readonly number[] {
  return list.includes(event.id) ? list : [...list, event.id]
}

function countItems(inputs: readonly ScenarioInput[]): Map<string, string[]> {
  const lanes = new Map<string, string[]>()
  const seen = new Map<string, number>()
  for (const { value } of eventsOf(inputs)) {
    const count = (seen.get(value.group) ?? 0) + 1
    seen.set(value.group, count)
    addItem(lanes, value.group, String(count))
  }
  return lanes
}

export const aggregates: Scenario = {
  name: 'aggregates',
  topics: [{ name: 'events' }, { name: 'lists' }, { name: 'counts' }, { name: 'totals' }],
  app: () =>
    defineApp('aggregates', (flow) => {
      const stream = flow.stream(events)
      stream
        .groupByKey()
        .aggregate<readonly number[]>({ init: () => [], add: addOnce, emit: 'every', name: 'lists' })
        .toStream()
        .to(lists)
      stream
        .groupBy((event) => event.group, { name: 'by-group' })
        .count({ emit: 'every', name: 'counts' })
        .toStream()
        .to(counts)
      stream
        .groupBy((event) => event.group, { name: 'by-group-again' })
        .count({ emit: 'coalesced', name: 'totals' })
        .toStream()
        .to(totals)
    }),
  inputs: eventInputs,
  outputs: [
    {
      topic: 'lists',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        const seen = new Map<string, number[]>()
        for (const { key, value } of eventsOf(inputs)) {
          const list = [...(seen.get(key) ?? []), value.id]
          seen.set(key, list)
          addItem(lanes, key, list.join())
        }
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: (value as number[]).join() }),
    },
    {
      topic: 'counts',
      compare: 'sequence',
      survivesReplay: false,
      expected: countItems,
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'totals',
      compare: 'last',
      survivesReplay: false,
      expected: countItems,
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
