/**
 * A join with a versioned table that learns late: updates come out of order, records wait for them in a buffer. A record joined
 * with another value than the one valid at its time was released too early, or its buffer or the table's history got lost.
 */
import { partitionOf } from '../../src/core/partitioner.ts'
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

/** Several records of a key at one time, which their buffer must tell apart. */
function inSteps(inputs: readonly ScenarioInput[]): ScenarioInput[] {
  return inputs.map((input) => ({ ...input, timestamp: Math.floor(input.timestamp / 400) * 400 }))
}

type Sent = ReturnType<typeof eventsOf>[number]

/** In the order in which a partition lets its records go: late ones at once, others by time, key and arrival. */
function released(events: readonly Sent[]): readonly Sent[] {
  const held: Sent[] = []
  const gone: Sent[] = []
  let time = -1
  for (const event of events) {
    if (event.timestamp < time - LATE) {
      gone.push(event)
      continue
    }
    held.push(event)
    time = Math.max(time, event.timestamp)
    held.sort((a, b) => a.timestamp - b.timestamp || (a.key < b.key ? -1 : Number(a.key > b.key)))
    while (held[0] !== undefined && held[0].timestamp <= time - LATE) gone.push(held.shift()!)
  }
  return gone
}

function expected(inputs: readonly ScenarioInput[], partitions: number): Lanes {
  const lanes = new Map<string, string[]>()
  const history = inputs.filter(({ topic: of }) => of === GROUPS)
  const byPartition = Map.groupBy(eventsOf(inputs), ({ key }) => partitionOf(key, partitions))
  for (const { key, value, timestamp } of [...byPartition.values()].flatMap(released)) {
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
  inputs: (random, count) => [
    ...updates(random, count),
    ...inSteps(eventInputs(random, count)),
    ...endings(count),
  ],
  outputs: [
    {
      topic: 'joined',
      compare: 'sequence',
      survivesReplay: false,
      expected,
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
