/**
 * Records that cannot be processed: an aggregation that throws half-way through a change of the value it was given, and calls the
 * service refuses for good. Each goes to the dead letters in the transaction of everything else, once; the rest goes on unharmed.
 */
import { defineApp, json, string, topic } from '../../src/index.ts'
import { CallError, source } from '../../src/enrich/index.ts'
import {
  addItem,
  type Lanes,
  type Scenario,
  type ScenarioInput,
} from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, events, eventsOf } from './events.ts'

const lists = topic('lists', { key: string, value: json<readonly number[]>() })
const answered = topic('answered', { key: string, value: json<string>() })

/** Digits whose events are refused: by the aggregation, by the service. */
const POISON = 7
const REFUSED = 3

function addOnce(list: readonly number[], event: Event): readonly number[] {
  if (event.n === POISON) {
    // What is in a store belongs to the store: frozen, so that this cannot reach what the next record sees.
    const stolen = list as number[]
    stolen.push(event.id)
    throw new Error(`${event.id} is poison`)
  }
  return list.includes(event.id) ? list : [...list, event.id]
}

function itemsOf(
  inputs: readonly ScenarioInput[],
  wanted: (n: number) => boolean,
  item: (event: Event) => string,
): Lanes {
  const lanes = new Map<string, string[]>()
  for (const { key, value } of eventsOf(inputs)) if (wanted(value.n)) addItem(lanes, key, item(value))
  return lanes
}

function growingLists(inputs: readonly ScenarioInput[]): Lanes {
  const lanes = new Map<string, string[]>()
  for (const [key, ids] of itemsOf(
    inputs,
    (n) => n !== POISON,
    ({ id }) => String(id),
  )) {
    ids.forEach((_, index) => addItem(lanes, key, ids.slice(0, index + 1).join()))
  }
  return lanes
}

export const rejects: Scenario = {
  name: 'rejects',
  topics: [{ name: 'events' }, { name: 'lists' }, { name: 'answered' }, { name: 'rejects-dead-letters' }],
  app: (ask) =>
    defineApp('rejects', (flow) => {
      const stream = flow.stream(events)
      stream
        .groupByKey()
        .aggregate<readonly number[]>({ init: () => [], add: addOnce, emit: 'every', name: 'lists' })
        .toStream()
        .to(lists)
      const service = source(
        async (event: Event, _key, call) => {
          await ask(String(event.n), call.signal)
          if (event.n === REFUSED) throw new CallError('refused', { retriable: false })
          return event.id
        },
        { retry: 40 },
      )
      stream
        .enrich(service, { name: 'ask', deadline: '10m', concurrency: 8, join: (_, id) => `answered ${id}` })
        .to(answered)
    }),
  inputs: eventInputs,
  outputs: [
    {
      topic: 'lists',
      compare: 'sequence',
      survivesReplay: true,
      expected: growingLists,
      observe: ({ key, value }) => ({ lane: key!, item: (value as number[]).join() }),
    },
    {
      topic: 'answered',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) =>
        itemsOf(
          inputs,
          // A record whose processing threw goes no further: the branch behind does not see it.
          (n) => n !== REFUSED && n !== POISON,
          ({ id }) => `answered ${id}`,
        ),
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'rejects-dead-letters',
      compare: 'set',
      survivesReplay: true,
      expected: (inputs) =>
        itemsOf(
          inputs,
          (n) => n === POISON || n === REFUSED,
          ({ id }) => String(id),
        ),
      observe: ({ key, value }) => ({ lane: key!, item: String((value as Event).id) }),
    },
  ],
}
