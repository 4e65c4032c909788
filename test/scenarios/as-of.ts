/**
 * A join with a versioned table that learns late: updates come out of order, records wait for them in a buffer. A record joined
 * with another value than the one valid at its time was released too early, or its buffer or the table's history got lost.
 */
import { defineApp, json, string, topic } from '../../src/index.ts'
import {
  addItem,
  type Lanes,
  type Scenario,
  type ScenarioInput,
} from '../../src/testing/scenario/scenario.ts'
import type { SeededRandom } from '../../src/testing/simulation/random.ts'
import { type Event, eventInputs, EVENTS, events, eventsOf, type Group, GROUPS, groups } from './events.ts'

const joined = topic('joined', { key: string, value: json<string>() })

/** How late an update of the table may come, ms. */
const LATE = 300
const FAR = 10_000_000

function updates(random: SeededRandom, count: number): ScenarioInput[] {
  return Array.from({ length: count * 2 }, (_, at) => ({
    topic: GROUPS,
    key: `k${random.int(0, 6)}`,
    value: { name: `update ${at}` } satisfies Group,
    timestamp: 1_000 + at * 50 - random.int(0, LATE),
  }))
}

/** Lets the last records of every partition go. */
function endings(first: number): ScenarioInput[] {
  return Array.from({ length: 40 }, (_, index) => ({
    topic: EVENTS,
    key: `end${index}`,
    value: { id: first + index, group: '', n: 0 } satisfies Event,
    timestamp: FAR,
  }))
}

function expected(inputs: readonly ScenarioInput[]): Lanes {
  const lanes = new Map<string, string[]>()
  const history = inputs.filter(({ topic: of }) => of === GROUPS)
  for (const { key, value, timestamp } of eventsOf(inputs).filter((event) => event.timestamp < FAR)) {
    const known = history.filter((update) => update.key === key && update.timestamp <= timestamp)
    // Of equal times the one that came last.
    const [last] = known.toReversed().toSorted((a, b) => b.timestamp - a.timestamp)
    addItem(lanes, key, `${value.id} ${last === undefined ? 'nobody' : (last.value as Group).name}`)
  }
  return lanes
}

export const asOf: Scenario = {
  name: 'as-of',
  topics: [{ name: 'events' }, { name: 'groups' }, { name: 'joined' }],
  preloaded: [GROUPS],
  app: () =>
    defineApp('as-of', (flow) => {
      const table = flow.table(groups, { versioned: '1d' })
      const join = (event: Event, group: Group | null): string => `${event.id} ${group?.name ?? 'nobody'}`
      flow.stream(events).leftJoin(table, join, { grace: LATE }).to(joined)
    }),
  inputs: (random, count) => [...updates(random, count), ...eventInputs(random, count), ...endings(count)],
  outputs: [
    {
      topic: 'joined',
      compare: 'set',
      survivesReplay: false,
      expected,
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
