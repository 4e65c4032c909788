/** Batches: records asked for together, whole batches and single requests that fail, and every record with its own answer. */
import { defineApp, json, string, topic } from '../../src/index.ts'
import { batchSource, type BatchContext } from '../../src/enrich/index.ts'
import { addItem, answerTo, type Ask, type Scenario } from '../../src/testing/scenario/scenario.ts'
import { type Event, eventInputs, events, eventsOf } from './events.ts'

const answered = topic('answered', { key: string, value: json<string>() })

/** One failure fails all with an odd first number, and itself alone with an even one. */
async function askAll(
  ask: Ask,
  values: readonly Event[],
  { signal }: BatchContext,
): Promise<(string | Error)[]> {
  const all = values.map(({ n }) => ask(String(n), signal))
  if (values[0]!.n % 2 === 1) return Promise.all(all)
  const settled = await Promise.allSettled(all)
  return settled.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as Error)))
}

export const batches: Scenario = {
  name: 'batches',
  topics: [{ name: 'events' }, { name: 'answered' }],
  app: (ask) =>
    defineApp('batches', (flow) => {
      const together = batchSource((values: readonly Event[], call) => askAll(ask, values, call), {
        retry: 40,
        batch: { size: 4, wait: '5ms' },
      })
      flow
        .stream(events)
        .enrich(together, {
          name: 'ask-together',
          concurrency: 3,
          deadline: '10m',
          join: (event, answer) => `${event.id} ${answer}`,
        })
        .to(answered)
    }),
  inputs: eventInputs,
  outputs: [
    {
      topic: 'answered',
      compare: 'sequence',
      survivesReplay: true,
      expected: (inputs) => {
        const lanes = new Map<string, string[]>()
        for (const { key, value } of eventsOf(inputs))
          addItem(lanes, key, `${value.id} ${answerTo(String(value.n))}`)
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
