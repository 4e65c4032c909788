/**
 * Windows: lists per tumbling window, as they grow (coalesced) and once they closed, lists per session once it closed, and counts of
 * hopping windows held back until they closed. Lists ignore ids they have, so they stand a replay; a count does not.
 */
import { partitionOf } from '../../src/core/partitioner.ts'
import {
  defineApp,
  hopping,
  json,
  session,
  string,
  topic,
  tumbling,
  untilWindowCloses,
} from '../../src/index.ts'
import type { Windowed } from '../../src/index.ts'
import type { Lanes, Scenario, ScenarioInput } from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, events, eventsOf } from './events.ts'

type Ids = readonly number[]

const ids = { key: string, value: json<Ids>() }
const growing = topic('growing', ids)
const closed = topic('closed', ids)
const visits = topic('visits', ids)
const held = topic('held', { key: string, value: json<number>() })

const SIZE_MS = 1_000
const ADVANCE_MS = 500
const GAP_MS = 400
/** As late as an event comes: nothing is ever dropped. */
const GRACE_MS = 500

const addOnce = (list: Ids, event: Event): Ids => (list.includes(event.id) ? list : [...list, event.id])
const nameOf = ({ key, start, end }: Windowed<string>): string => `${key}@${start}-${end}`
const byWindow = (_: unknown, window: Windowed<string>): string => nameOf(window)

interface Group {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly ids: readonly number[]
}

/** Every window that has events, of windows of a size that begin an advance apart. */
function steppedGroups(inputs: readonly ScenarioInput[], size: number, advance: number): Group[] {
  const groups = new Map<string, { key: string; start: number; end: number; ids: number[] }>()
  for (const { key, value, timestamp } of eventsOf(inputs)) {
    const last = Math.floor(timestamp / advance) * advance
    for (let start = last; start > timestamp - size && start >= 0; start -= advance) {
      const window = { key, start, end: start + size }
      const group = groups.get(nameOf(window)) ?? { ...window, ids: [] }
      group.ids.push(value.id)
      groups.set(nameOf(window), group)
    }
  }
  return [...groups.values()]
}

function sessionGroups(inputs: readonly ScenarioInput[]): Group[] {
  const all = eventsOf(inputs).toSorted((one, other) => one.timestamp - other.timestamp)
  const groups: { key: string; start: number; end: number; ids: number[] }[] = []
  for (const { key, value, timestamp } of all) {
    const open = groups.findLast((group) => group.key === key)
    if (open === undefined || timestamp - open.end > GAP_MS)
      groups.push({ key, start: timestamp, end: timestamp, ids: [value.id] })
    else {
      open.end = timestamp
      open.ids.push(value.id)
    }
  }
  return groups
}

/** Those that the last event of their partition closed. @param isClosed by the partition's latest time */
function closedOf(
  groups: readonly Group[],
  inputs: readonly ScenarioInput[],
  partitions: number,
  isClosed: (group: Group, time: number) => boolean,
): Group[] {
  const times = new Map<number, number>()
  for (const { key, timestamp } of eventsOf(inputs)) {
    const partition = partitionOf(key, partitions)
    times.set(partition, Math.max(times.get(partition) ?? 0, timestamp))
  }
  return groups.filter((group) => isClosed(group, times.get(partitionOf(group.key, partitions))!))
}

function lanesOf(groups: readonly Group[], itemOf: (group: Group) => string): Lanes {
  return new Map(groups.map((group) => [nameOf(group), [itemOf(group)]]))
}

const asText = (list: readonly number[]): string => list.toSorted((one, other) => one - other).join()
const hasClosed = ({ end }: Group, time: number): boolean => end <= time - GRACE_MS

export const windows: Scenario = {
  name: 'windows',
  topics: [{ name: 'events' }, { name: 'growing' }, { name: 'closed' }, { name: 'visits' }, { name: 'held' }],
  // Results must not depend on when the wall clock lets somebody look.
  settings: { windowCloseIntervalMs: 0 },
  app: () =>
    defineApp('windows', (flow) => {
      const byKey = flow.stream(events).groupByKey()
      const lists = { init: (): Ids => [], add: addOnce, value: json<Ids>() }
      const tumble = byKey.windowedBy(tumbling(SIZE_MS, { grace: GRACE_MS }))
      const grown = tumble.aggregate({ ...lists, name: 'growing-lists' })
      grown.toStream().selectKey(byWindow).to(growing)
      const final = tumble.aggregate({ ...lists, emit: 'final', name: 'closed-lists' })
      final.toStream().selectKey(byWindow).to(closed)
      byKey
        .windowedBy(session(GAP_MS, { grace: GRACE_MS }))
        .aggregate({
          ...lists,
          merge: (one, other) => [...one, ...other.filter((id) => !one.includes(id))],
          emit: 'final',
          name: 'visit-lists',
        })
        .toStream()
        .selectKey(byWindow)
        .to(visits)
      byKey
        .windowedBy(hopping(SIZE_MS, { advance: ADVANCE_MS, grace: GRACE_MS }))
        .count({ emit: 'every', name: 'hops' })
        .suppress(untilWindowCloses(), { name: 'held-hops' })
        .toStream()
        .selectKey(byWindow)
        .to(held)
    }),
  inputs: eventInputs,
  outputs: [
    {
      topic: 'growing',
      compare: 'last',
      survivesReplay: true,
      expected: (inputs) => lanesOf(steppedGroups(inputs, SIZE_MS, SIZE_MS), (group) => asText(group.ids)),
      observe: ({ key, value }) => ({ lane: key!, item: asText(value as number[]) }),
    },
    {
      topic: 'closed',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs, partitions) => {
        const groups = steppedGroups(inputs, SIZE_MS, SIZE_MS)
        return lanesOf(closedOf(groups, inputs, partitions, hasClosed), (group) => asText(group.ids))
      },
      observe: ({ key, value }) => ({ lane: key!, item: asText(value as number[]) }),
    },
    {
      topic: 'visits',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs, partitions) => {
        const isClosed = ({ end }: Group, time: number): boolean => end < time - GRACE_MS - GAP_MS
        const groups = closedOf(sessionGroups(inputs), inputs, partitions, isClosed)
        return lanesOf(groups, (group) => asText(group.ids))
      },
      observe: ({ key, value }) => ({ lane: key!, item: asText(value as number[]) }),
    },
    {
      topic: 'held',
      compare: 'sequence',
      survivesReplay: false,
      expected: (inputs, partitions) => {
        const groups = steppedGroups(inputs, SIZE_MS, ADVANCE_MS)
        return lanesOf(closedOf(groups, inputs, partitions, hasClosed), (group) => String(group.ids.length))
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
