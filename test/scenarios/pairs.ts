/**
 * Joins of streams: outer within one task, where what nobody matched must come exactly when its window is over, also when the task
 * died in between; and inner behind repartitions, where both sides come from other tasks in any order.
 */
import { defineApp, json, string, topic } from '../../src/index.ts'
import {
  addItem,
  type Lanes,
  type Scenario,
  type ScenarioInput,
} from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, EVENTS, events, eventsOf } from './events.ts'

const outer = topic('outer', { key: string, value: json<string>() })
const inner = topic('inner', { key: string, value: json<string>() })

/** Events are late by at most 500 ms: none is given up before its partner can come. */
const WITHIN = 600
const FAR = 10_000_000

const isLeft = ({ n }: Event): boolean => n < 5
const idOf = (event: Event | null): string => String(event?.id ?? '-')

/** Moves the time of every partition past all windows; of equal times, they themselves stay pending. */
function endings(first: number): ScenarioInput[] {
  return Array.from({ length: 40 }, (_, index) => ({
    topic: EVENTS,
    key: `end${index}`,
    value: { id: first + index, group: `end${index}`, n: 0 } satisfies Event,
    timestamp: FAR,
  }))
}

interface Placed {
  readonly lane: string
  readonly event: Event
  readonly timestamp: number
}

/** @param alone records without a partner count, too */
function expected(placed: readonly Placed[], within: number, alone: boolean): Lanes {
  const lanes = new Map<string, string[]>()
  const matched = new Set<Event>()
  const happened = placed.filter(({ timestamp }) => timestamp < FAR)
  for (const left of happened.filter(({ event }) => isLeft(event))) {
    for (const right of happened) {
      const apart = Math.abs(left.timestamp - right.timestamp)
      if (isLeft(right.event) || right.lane !== left.lane || apart > within) continue
      matched.add(left.event).add(right.event)
      addItem(lanes, left.lane, `${left.event.id} ${right.event.id}`)
    }
  }
  for (const { lane, event } of alone ? happened : []) {
    if (!matched.has(event)) addItem(lanes, lane, isLeft(event) ? `${event.id} -` : `- ${event.id}`)
  }
  return lanes
}

function placedBy(lane: (key: string, event: Event) => string) {
  return (inputs: readonly ScenarioInput[]): Placed[] =>
    eventsOf(inputs).map(({ key, value: event, timestamp }) => ({ lane: lane(key, event), event, timestamp }))
}

const byKey = placedBy((key) => key)
const byGroup = placedBy((_, { group }) => group)

export const pairs: Scenario = {
  name: 'pairs',
  settings: { unmatchedIntervalMs: 0 },
  topics: [{ name: 'events' }, { name: 'outer' }, { name: 'inner' }],
  app: () =>
    defineApp('pairs', (flow) => {
      const all = flow.stream(events)
      const { left, default: right } = all.branch({ left: isLeft })
      const join = (a: Event | null, b: Event | null): string => `${idOf(a)} ${idOf(b)}`
      left.outerJoin(right, join, { within: WITHIN, grace: WITHIN }).to(outer)
      const [moved, others] = [left, right].map((side) => side.selectKey(({ group }) => group))
      moved!.join(others!, join, { within: '1s', grace: '1d' }).to(inner)
    }),
  inputs: (random, count) => [...eventInputs(random, count), ...endings(count)],
  outputs: [
    {
      topic: 'outer',
      compare: 'set',
      survivesReplay: false,
      expected: (inputs) => expected(byKey(inputs), WITHIN, true),
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'inner',
      compare: 'set',
      survivesReplay: false,
      expected: (inputs) => expected(byGroup(inputs), 1_000, false),
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
