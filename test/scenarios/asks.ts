/** Calls in flight: order `key` keeps the order of each key, order `none` only promises each record once; state below both. */
import { defineApp, json, string, topic } from '../../src/index.ts'
import { addItem, answerTo, type Scenario, type ScenarioInput } from '../../src/testing/scenario/scenario.ts'
import { asking, eventInputs, events, eventsOf } from './events.ts'

const inOrder = topic('in-order', { key: string, value: json<string>() })
const anyOrder = topic('any-order', { key: string, value: json<string>() })
const lists = topic('lists', { key: string, value: json<readonly string[]>() })

function answers(inputs: readonly ScenarioInput[]): Map<string, string[]> {
  const lanes = new Map<string, string[]>()
  for (const { key, value } of eventsOf(inputs))
    addItem(lanes, key, `${value.id} ${answerTo(String(value.n))}`)
  return lanes
}

export const asks: Scenario = {
  name: 'asks',
  topics: [{ name: 'events' }, { name: 'in-order' }, { name: 'any-order' }, { name: 'lists' }],
  app: (ask) =>
    defineApp('asks', (flow) => {
      const stream = flow.stream(events)
      const asked = stream.enrich(asking(ask), {
        name: 'ask-in-order',
        order: 'key',
        concurrency: 8,
        deadline: '10m',
        join: (event, answer) => `${event.id} ${answer}`,
      })
      asked.to(inOrder)
      asked
        .groupByKey()
        .aggregate<readonly string[]>({
          init: () => [],
          add: (list, item) => (list.includes(item) ? list : [...list, item]),
          emit: 'every',
          name: 'lists',
        })
        .toStream()
        .to(lists)
      stream
        .enrich(asking(ask), {
          name: 'ask-in-any-order',
          order: 'none',
          concurrency: 4,
          maxPending: 8,
          deadline: '10m',
          join: (event, answer) => `${event.id} ${answer}`,
        })
        .to(anyOrder)
    }),
  inputs: eventInputs,
  outputs: [
    {
      topic: 'in-order',
      compare: 'sequence',
      survivesReplay: true,
      expected: answers,
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'any-order',
      compare: 'set',
      survivesReplay: true,
      expected: answers,
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
    {
      topic: 'lists',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        for (const [key, items] of answers(inputs)) {
          items.forEach((_, index) => addItem(lanes, key, items.slice(0, index + 1).join()))
        }
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: (value as string[]).join() }),
    },
  ],
}
