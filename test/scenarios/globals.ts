/**
 * Joins with a global table by a key other than the record's: read to the end before the first event in every instance, however
 * often it dies, without any repartition. A table that were incomplete for a moment would show.
 */
import { defineApp, json, string, topic } from '../../src/index.ts'
import {
  addItem,
  type Lanes,
  type Scenario,
  type ScenarioInput,
} from '../../src/testing/scenario/scenario.ts'
import { eventInputs, events, eventsOf, GROUPS, groupInputs, groups } from './events.ts'

const matched = topic('matched', { key: string, value: json<string>() })
const looked = topic('looked', { key: string, value: json<string>() })

function expected(inputs: readonly ScenarioInput[], keepUnmatched: boolean): Lanes {
  const lanes = new Map<string, string[]>()
  const known = new Set(inputs.filter((input) => input.topic === GROUPS).map((input) => input.key))
  for (const { key, value } of eventsOf(inputs)) {
    if (known.has(value.group)) addItem(lanes, key, `${value.id} Group ${value.group}`)
    else if (keepUnmatched) addItem(lanes, key, `${value.id} nobody`)
  }
  return lanes
}

export const globals: Scenario = {
  name: 'globals',
  topics: [
    { name: 'events' },
    { name: 'groups', config: { 'cleanup.policy': 'compact' } },
    { name: 'matched' },
    { name: 'looked' },
  ],
  preloaded: [GROUPS],
  app: () =>
    defineApp('globals', (flow) => {
      const stream = flow.stream(events)
      const table = flow.globalTable(groups)
      const by = { key: (event: { readonly group: string }) => event.group }
      stream.joinGlobal(table, by, (event, group) => `${event.id} ${group.name}`).to(matched)
      stream.leftJoinGlobal(table, by, (event, group) => `${event.id} ${group?.name ?? 'nobody'}`).to(looked)
    }),
  inputs: (random, count) => [...groupInputs(), ...eventInputs(random, count)],
  outputs: [
    {
      topic: 'matched',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => expected(inputs, false),
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'looked',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => expected(inputs, true),
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
