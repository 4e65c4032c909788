/**
 * Names of Kafka Streams and all of `topology.optimization`: tables whose topics are their changelogs, one of them asked for what was
 * before each update, so that a restore beyond the committed positions would show; and one repartition topic for a join and a count.
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
const members = topic('members', { key: string, value: json<number>() })
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

/** How many keys are in each group: each where its last event is. */
function countMembers(inputs: readonly ScenarioInput[]): Lanes {
  const groupOf = new Map(eventsOf(inputs).map(({ key, value }) => [key, value.group]))
  const seen = new Set(eventsOf(inputs).map(({ value }) => value.group))
  const counts = [...seen].map((group): [string, string[]] => {
    return [group, [String([...groupOf.values()].filter((one) => one === group).length)]]
  })
  return new Map(counts)
}

export const counted: Scenario = {
  name: 'counted',
  topics: [
    { name: 'events', config: { 'cleanup.policy': 'compact' } },
    { name: 'groups', config: { 'cleanup.policy': 'compact' } },
    { name: 'named' },
    { name: 'sizes' },
    { name: 'members' },
  ],
  app: () =>
    defineApp(
      'counted',
      (flow) => {
        const latest = flow.table(events, { store: 'latest', emit: 'every' })
        const moved = latest.toStream().map((event, key) => [event.group, { ...event, from: key }], {
          value: json<Event & { readonly from: string }>(),
        })
        const byGroup = latest.groupBy((event, key) => [event.group, key], { value: string })
        byGroup.count({ emit: 'coalesced' }).toStream().to(members)
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
      topic: 'members',
      compare: 'last',
      survivesReplay: false,
      expected: countMembers,
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
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
