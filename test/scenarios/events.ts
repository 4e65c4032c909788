/** Inputs that several scenarios share: events with unique ids over a few keys, and a small table of groups. */
import type { SeededRandom } from '../../src/testing/simulation/random.ts'
import { json, string, topic } from '../../src/index.ts'
import { source, type Source } from '../../src/enrich/index.ts'
import type { Ask, ScenarioInput } from '../../src/testing/scenario/scenario.ts'

export interface Event {
  readonly id: number
  /** Where it is sent on by scenarios that change the key. */
  readonly group: string
  readonly n: number
}

export interface Group {
  readonly name: string
}

export const EVENTS = 'events'
export const GROUPS = 'groups'

export const events = topic(EVENTS, { key: string, value: json<Event>() })
export const groups = topic(GROUPS, { key: string, value: json<Group>() })

const KEYS = 7
const GROUP_NAMES = ['g0', 'g1', 'g2', 'g3']

/** Events of growing, sometimes late time. */
export function eventInputs(random: SeededRandom, count: number): ScenarioInput[] {
  return Array.from({ length: count }, (_, id) => ({
    topic: EVENTS,
    key: `k${random.int(0, KEYS - 1)}`,
    value: { id, group: random.pick(GROUP_NAMES), n: random.int(0, 9) } satisfies Event,
    timestamp: 1_000 + id * 100 - (random.chance(0.1) ? random.int(0, 500) : 0),
  }))
}

/** Every group but the last, all before the first event. */
export function groupInputs(): ScenarioInput[] {
  return GROUP_NAMES.slice(0, -1).map((name, index) => ({
    topic: GROUPS,
    key: name,
    value: { name: `Group ${name}` } satisfies Group,
    timestamp: index,
  }))
}

export function eventsOf(
  inputs: readonly ScenarioInput[],
): readonly { readonly key: string; readonly value: Event; readonly timestamp: number }[] {
  return inputs
    .filter((input) => input.topic === EVENTS)
    .map(({ key, value, timestamp }) => ({ key, value: value as Event, timestamp }))
}

/** Asks the service about `n`, as often as it takes: a scenario's faults must not end in dead letters by chance. */
export function asking(ask: Ask): Source<string, { readonly n: number }> {
  return source((value: { readonly n: number }, _key, call) => ask(String(value.n), call.signal), {
    retry: 40,
  })
}
