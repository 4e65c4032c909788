/**
 * The Processor API with a store and a stream-time punctuator: at each tick the number of records of the task so far. Ticks are
 * committed with the offsets: a restart neither repeats nor skips one.
 */
import { defineApp, json, store, string, topic, type KeyValueStore } from '../../src/index.ts'
import { partitionOf } from '../../src/core/partitioner.ts'
import { addItem, type Scenario } from '../../src/testing/scenario/scenario.ts'
import { eventInputs, events, eventsOf } from './events.ts'

const INTERVAL_MS = 1_000
const ticks = topic('ticks', { key: string, value: json<string>() })

export const punctuates: Scenario = {
  name: 'punctuates',
  topics: [{ name: 'events' }, { name: 'ticks' }],
  app: () =>
    defineApp('punctuates', (flow) => {
      flow
        .stream(events)
        .process<string, string>(
          (context) => {
            const seen = context.store<KeyValueStore<string, number>>('seen')
            const lane = `task ${context.task.partition}`
            context.schedule(INTERVAL_MS, 'stream-time', (time) => {
              context.emit(lane, `${time}:${seen.get('all') ?? 0}`, time)
            })
            return {
              process: (record) => seen.put('all', (seen.get('all') ?? 0) + 1, record),
            }
          },
          { name: 'counter', stores: [store('seen', { key: string, value: json<number>() })] },
        )
        .to(ticks)
    }),
  inputs: eventInputs,
  outputs: [
    {
      topic: 'ticks',
      compare: 'sequence',
      survivesReplay: false,
      expected: (inputs, partitions) => {
        const lanes = new Map<string, string[]>()
        const tasks = Array.from({ length: partitions }, () => ({ seen: 0, time: -1, next: 0 }))
        for (const { key, timestamp } of eventsOf(inputs)) {
          const partition = partitionOf(Buffer.from(key), partitions)
          const task = tasks[partition]!
          task.seen++
          task.time = Math.max(task.time, timestamp)
          if (task.time < task.next) continue
          task.next += (Math.floor((task.time - task.next) / INTERVAL_MS) + 1) * INTERVAL_MS
          addItem(lanes, `task ${partition}`, `${task.time}:${task.seen}`)
        }
        return lanes
      },
      observe: ({ key, value }) => ({ lane: key!, item: String(value) }),
    },
  ],
}
