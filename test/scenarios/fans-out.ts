/**
 * What follows a call may be many records under other keys, aggregated behind a repartition; beside it a table made of the stream
 * itself, joined with the rest of it. The caches hold next to nothing and transactions outlive sessions, so that every read goes
 * below the cache and a dead owner's transaction is still open when the next one takes over.
 */
import { defineApp, json, string, topic } from '../../src/index.ts'
import { addItem, answerTo, type Scenario } from '../../src/testing/scenario/scenario.ts'
import { asking, eventInputs, events, eventsOf } from './events.ts'

const pieces = topic('pieces', { key: string, value: json<string>() })
const tallies = topic('tallies', { key: string, value: json<number>() })
const latest = topic('latest', { key: string, value: json<string>() })

/** Where the pieces of an event go. */
function targetsOf(n: number, id: number): readonly string[] {
  return Array.from({ length: n % 4 }, (_, at) => `t${(id + at) % 5}`)
}

export const fansOut: Scenario = {
  name: 'fans-out',
  settings: { cacheEntries: 1 },
  topics: [{ name: 'events' }, { name: 'pieces' }, { name: 'tallies' }, { name: 'latest' }],
  app: (ask) =>
    defineApp('fans-out', (flow) => {
      const stream = flow.stream(events)
      const spread = stream
        .enrich(asking(ask), {
          name: 'ask',
          order: 'none',
          concurrency: 6,
          deadline: '10m',
          join: (event, answer) => ({ ...event, answer }),
        })
        .flatMap((event) =>
          targetsOf(event.n, event.id).map((target): readonly [string, string] => [
            target,
            `${event.id} ${event.answer}`,
          ]),
        )
      spread.to(pieces)
      spread
        .groupByKey({ name: 'by-target', value: json<string>() })
        .count({ emit: 'every', name: 'tallies' })
        .toStream()
        .to(tallies)
      const { even, default: odd } = stream.branch({ even: (event) => event.n % 2 === 0 })
      const last = even.mapValues((event) => event.id, { value: json<number>() }).toTable({ name: 'last' })
      odd.leftJoin(last, (event, id) => `${event.id} after ${id ?? 'none'}`).to(latest)
    }),
  inputs: eventInputs,
  outputs: [
    {
      topic: 'pieces',
      compare: 'set',
      survivesReplay: true,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        for (const { value } of eventsOf(inputs)) {
          for (const target of targetsOf(value.n, value.id))
            addItem(lanes, target, `${value.id} ${answerTo(String(value.n))}`)
        }
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'tallies',
      compare: 'sequence',
      survivesReplay: false,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        for (const { value } of eventsOf(inputs)) {
          for (const target of targetsOf(value.n, value.id))
            addItem(lanes, target, String((lanes.get(target)?.length ?? 0) + 1))
        }
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'latest',
      compare: 'sequence',
      survivesReplay: false,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        const known = new Map<string, number>()
        for (const { key, value } of eventsOf(inputs)) {
          if (value.n % 2 === 0) known.set(key, value.id)
          else addItem(lanes, key, `${value.id} after ${known.get(key) ?? 'none'}`)
        }
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
