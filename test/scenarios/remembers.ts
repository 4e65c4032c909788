/**
 * Stores with a memory for event time, in a processor with a fixed key: the neighbours of each event (a window store with duplicates)
 * and what was true a while before it (a versioned store). Both forget behind their retention, which must not depend on a restart.
 */
import { partitionOf } from '../../src/core/partitioner.ts'
import { defineApp, json, store, string, topic } from '../../src/index.ts'
import type { FixedKeyContext, FixedKeyProcessor, VersionedStore, WindowStore } from '../../src/index.ts'
import {
  addItem,
  type Lanes,
  type Scenario,
  type ScenarioInput,
} from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, events, eventsOf } from './events.ts'

const NEAR_MS = 1_000
const BEFORE_MS = 700
const RETENTION_MS = 1_300

const remembered = topic('remembered', { key: string, value: json<string>() })
const near = store('near', {
  kind: 'window',
  key: string,
  value: json<number>(),
  size: NEAR_MS,
  retention: RETENTION_MS,
  retainDuplicates: true,
})
const past = store('past', { kind: 'versioned', key: string, value: json<number>(), retention: RETENTION_MS })

function remember(context: FixedKeyContext<string>): FixedKeyProcessor<string, Event> {
  const neighbours = context.store<WindowStore<string, number>>('near')
  const versions = context.store<VersionedStore<string, number>>('past')
  return {
    process: (record) => {
      const { key, value, timestamp } = record
      neighbours.put(key, value.id, timestamp)
      versions.put(key, value.id, timestamp)
      const ids = Array.from(
        neighbours.fetchRange(key, timestamp - NEAR_MS, timestamp + NEAR_MS),
        ([, id]) => id,
      )
      const before = versions.getAsOf(key, timestamp - BEFORE_MS)?.value ?? 'none'
      context.next(record.withValue(`${value.id}: ${ids.join(' ')}, after ${before}`))
    },
  }
}

interface Seen {
  readonly id: number
  readonly time: number
}

function expectedLanes(inputs: readonly ScenarioInput[], partitions: number): Lanes {
  const lanes = new Map<string, string[]>()
  const observed = new Map<number, number>()
  const seen = new Map<string, Seen[]>()
  for (const { key, value, timestamp } of eventsOf(inputs)) {
    const partition = partitionOf(key, partitions)
    const latest = Math.max(observed.get(partition) ?? -1, timestamp)
    observed.set(partition, latest)
    const own = [...(seen.get(key) ?? []), { id: value.id, time: timestamp }]
    seen.set(key, own)
    const ids = own
      .filter(({ time }) => Math.abs(time - timestamp) <= NEAR_MS && time > latest - RETENTION_MS)
      .toSorted((one, other) => one.time - other.time)
      .map(({ id }) => id)
    const before = trueAt(own, timestamp - BEFORE_MS, latest - RETENTION_MS) ?? 'none'
    addItem(lanes, key, `${value.id}: ${ids.join(' ')}, after ${before}`)
  }
  return lanes
}

/** The version true at a time; what is no longer true is known from `earliest` on only. */
function trueAt(all: readonly Seen[], time: number, earliest: number): number | undefined {
  const versions = new Map<number, number>()
  for (const { id, time: validFrom } of all) versions.set(validFrom, id)
  const times = [...versions.keys()].toSorted((one, other) => one - other)
  const at = times.findLast((validFrom) => validFrom <= time)
  if (at === undefined || (at !== times.at(-1) && time < earliest)) return undefined
  return versions.get(at)
}

export const remembers: Scenario = {
  name: 'remembers',
  topics: [{ name: 'events' }, { name: 'remembered' }],
  app: () =>
    defineApp('remembers', (flow) => {
      flow
        .stream(events)
        .processValues(remember, { name: 'remember', value: json<string>(), stores: [near, past] })
        .to(remembered)
    }),
  inputs: eventInputs,
  outputs: [
    {
      topic: 'remembered',
      compare: 'sequence',
      survivesReplay: false,
      expected: expectedLanes,
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
