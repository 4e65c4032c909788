/** Stream-table joins, inner and left, behind a repartition; the table is complete before the first event. */
import { defineApp, json, string, topic } from '../../src/index.ts'
import {
  addItem,
  type Lanes,
  type Scenario,
  type ScenarioInput,
} from '../../src/testing/scenario/scenario.ts'
import { eventInputs, events, eventsOf, GROUPS, groupInputs, groups } from './events.ts'

const inner = topic('inner', { key: string, value: json<string>() })
const left = topic('left', { key: string, value: json<string>() })

/** Two keys may meet in one group in any order; what came from one key stays in order. */
function expected(inputs: readonly ScenarioInput[], keepUnmatched: boolean): Lanes {
  const lanes = new Map<string, string[]>()
  const known = new Set(inputs.filter((input) => input.topic === GROUPS).map((input) => input.key))
  for (const { key, value } of eventsOf(inputs)) {
    const matched = known.has(value.group)
    if (!matched && !keepUnmatched) continue
    addItem(lanes, `${value.group}/${key}`, `${value.id} ${matched ? `Group ${value.group}` : 'nobody'}`)
  }
  return lanes
}

export const joins: Scenario = {
  name: 'joins',
  topics: [
    { name: 'events' },
    { name: 'groups', config: { 'cleanup.policy': 'compact' } },
    { name: 'inner' },
    { name: 'left' },
  ],
  app: () =>
    defineApp('joins', (flow) => {
      const table = flow.table(groups)
      const moved = flow
        .stream(events)
        .map((event, key) => [event.group, { ...event, from: key }])
        .repartition({ name: 'moved' })
      moved.join(table, (event, group) => `${event.from} ${event.id} ${group.name}`).to(inner)
      moved.leftJoin(table, (event, group) => `${event.from} ${event.id} ${group?.name ?? 'nobody'}`).to(left)
    }),
  inputs: (random, count) => [...groupInputs(), ...eventInputs(random, count)],
  outputs: [
    {
      topic: 'inner',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => expected(inputs, false),
      observe: laneOfSource,
    },
    {
      topic: 'left',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => expected(inputs, true),
      observe: laneOfSource,
    },
  ],
}

function laneOfSource({ key, value }: { readonly key: string | null; readonly value: unknown }): {
  lane: string
  item: string
} {
  const [from, ...rest] = String(value).split(' ')
  return { lane: `${key}/${from}`, item: rest.join(' ') }
}
