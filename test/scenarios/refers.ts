/**
 * Foreign-key joins, inner and left: two internal topics between tasks that die independently. Names of groups change while
 * events of all keys refer to them; whoever lost a subscription or took a stale answer ends with an old name.
 */
import { defineApp, json, string, topic } from '../../src/index.ts'
import type { Lanes, Scenario, ScenarioInput } from '../../src/testing/scenario/scenario.ts'
import { eventInputs, events, eventsOf, type Group, GROUPS, groups } from './events.ts'

const inner = topic('inner', { key: string, value: json<string>() })
const left = topic('left', { key: string, value: json<string>() })

const NAMES = ['g0', 'g1', 'g2', 'g3']

/** The last event of a key with the last name of its group; in the end every group has one. */
function expected(inputs: readonly ScenarioInput[]): Lanes {
  const names = new Map(
    inputs.filter(({ topic: of }) => of === GROUPS).map(({ key, value }) => [key, (value as Group).name]),
  )
  return new Map(eventsOf(inputs).map(({ key, value }) => [key, [`${value.id} ${names.get(value.group)}`]]))
}

export const refers: Scenario = {
  name: 'refers',
  topics: [
    { name: 'events' },
    { name: 'groups', config: { 'cleanup.policy': 'compact' } },
    { name: 'inner' },
    { name: 'left' },
  ],
  app: () =>
    defineApp('refers', (flow) => {
      const [table, names] = [flow.table(events), flow.table(groups)]
      const of = (event: { readonly group: string }): string => event.group
      table
        .joinForeign(names, of, (event, group) => `${event.id} ${group.name}`)
        .toStream()
        .to(inner)
      table
        .leftJoinForeign(names, of, (event, group) => `${event.id} ${group?.name ?? 'nobody'}`, {
          materialized: true,
        })
        .toStream()
        .to(left)
    }),
  inputs: (random, count) =>
    eventInputs(random, count)
      .flatMap((input, at): ScenarioInput[] => {
        if (at % 5 !== 0) return [input]
        const key = NAMES[(at / 5) % NAMES.length]!
        const value: Group = { name: `Group ${key} of ${at}` }
        return [input, { topic: GROUPS, key, value, timestamp: input.timestamp }]
      })
      .concat(
        NAMES.map((key) => ({ topic: GROUPS, key, value: { name: `${key} at last` }, timestamp: 1_000 })),
      ),
  outputs: ['inner', 'left'].map((name) => ({
    topic: name,
    compare: 'last',
    survivesReplay: true,
    expected,
    observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
  })),
}
