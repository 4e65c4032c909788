/**
 * The main job: re-key, join, ask, aggregate, with a sibling output beside the call, so that replaying a source record would
 * show. What one source key sends into a group stays in order all the way.
 */
import { defineApp, json, string, topic } from '../../src/index.ts'
import { addItem, answerTo, type Scenario, type ScenarioInput } from '../../src/testing/scenario/scenario.ts'
import { asking, eventInputs, events, eventsOf, GROUPS, groupInputs, groups } from './events.ts'

const audit = topic('audit', { key: string, value: json<string>() })
const enriched = topic('enriched', { key: string, value: json<string>() })
const counted = topic('counted', { key: string, value: json<number>() })

interface Joined {
  readonly from: string
  readonly id: number
  readonly n: number
  readonly group: string
}

function joined(inputs: readonly ScenarioInput[]): readonly Joined[] {
  const known = new Set(inputs.filter((input) => input.topic === GROUPS).map((input) => input.key))
  return eventsOf(inputs)
    .filter(({ value }) => known.has(value.group))
    .map(({ key, value }) => ({ from: key, id: value.id, n: value.n, group: value.group }))
}

export const everything: Scenario = {
  name: 'everything',
  topics: [
    { name: 'events' },
    { name: 'groups', config: { 'cleanup.policy': 'compact' } },
    { name: 'audit' },
    { name: 'enriched' },
    { name: 'counted' },
  ],
  app: (ask) =>
    defineApp('everything', (flow) => {
      const stream = flow.stream(events)
      stream.mapValues((event) => `seen ${event.id}`).to(audit)
      const asked = stream
        .map((event, key) => [event.group, { ...event, from: key }])
        .join(flow.table(groups), (event, group) => ({ ...event, groupName: group.name }))
        .enrich(asking(ask), {
          name: 'ask',
          concurrency: 6,
          deadline: '10m',
          join: (event, answer) => `${event.from} ${event.id} ${event.groupName} ${answer}`,
        })
      asked.to(enriched)
      asked.groupByKey().count({ emit: 'every', name: 'counted' }).toStream().to(counted)
    }),
  inputs: (random, count) => [...groupInputs(), ...eventInputs(random, count)],
  outputs: [
    {
      topic: 'audit',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        for (const { key, value } of eventsOf(inputs)) addItem(lanes, key, `seen ${value.id}`)
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'enriched',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        for (const { from, id, n, group } of joined(inputs)) {
          addItem(lanes, `${group}/${from}`, `${id} Group ${group} ${answerTo(String(n))}`)
        }
        return lanes
      },
      observe: ({ key, value }) => {
        const [from, ...rest] = String(value).split(' ')
        return { lane: `${key}/${from}`, item: rest.join(' ') }
      },
    },
    {
      topic: 'counted',
      compare: 'sequence',
      survivesReplay: false,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        const seen = new Map<string, number>()
        for (const { group } of joined(inputs)) {
          seen.set(group, (seen.get(group) ?? 0) + 1)
          addItem(lanes, group, String(seen.get(group)))
        }
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
