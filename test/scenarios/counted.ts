/**
 * Names of Kafka Streams and all of `topology.optimization`: a table whose topic is its changelog, and one repartition topic for a join
 * and a count that come from one key change.
 */
import { defineApp, json, string, topic } from '../../src/index.ts'
import {
  addItem,
  type Lanes,
  type Scenario,
  type ScenarioInput,
} from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, events, eventsOf, GROUPS, groupInputs, groups } from './events.ts'

const named = topic('named', { key: string, value: json<string>() })
const sizes = topic('sizes', { key: string, value: json<number>() })

function namedEvents(inputs: readonly ScenarioInput[]): Lanes {
  const lanes = new Map<string, string[]>()
  const known = new Set(inputs.filter((input) => input.topic === GROUPS).map((input) => input.key))
  for (const { key, value } of eventsOf(inputs))
    if (known.has(value.group)) addItem(lanes, `${value.group}/${key}`, `${value.id} Group ${value.group}`)
  return lanes
}

function countEvents(inputs: readonly ScenarioInput[]): Lanes {
  const lanes = new Map<string, string[]>()
  for (const { value } of eventsOf(inputs))
    addItem(lanes, value.group, String((lanes.get(value.group)?.length ?? 0) + 1))
  return lanes
}

export const counted: Scenario = {
  name: 'counted',
  topics: [
    { name: 'events' },
    { name: 'groups', config: { 'cleanup.policy': 'compact' } },
    { name: 'named' },
    { name: 'sizes' },
  ],
  app: () =>
    defineApp(
      'counted',
      (flow) => {
        const moved = flow.stream(events).map((event, key) => [event.group, { ...event, from: key }], {
          value: json<Event & { readonly from: string }>(),
        })
        moved.join(flow.table(groups), (event, group) => `${event.from} ${event.id} ${group.name}`).to(named)
        moved.groupByKey().count({ emit: 'coalesced' }).toStream().to(sizes)
      },
      { naming: 'kafka-streams', optimization: 'all' },
    ),
  inputs: (random, count) => [...groupInputs(), ...eventInputs(random, count)],
  outputs: [
    {
      topic: 'named',
      compare: 'sequence',
      survivesReplay: true,
      expected: namedEvents,
      observe: ({ key, value }) => {
        const [from, ...rest] = String(value).split(' ')
        return { lane: `${key}/${from}`, item: rest.join(' ') }
      },
    },
    {
      topic: 'sizes',
      compare: 'last',
      survivesReplay: false,
      expected: countEvents,
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
