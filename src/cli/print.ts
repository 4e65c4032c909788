/** Option `--print topic`: committed records as JSON lines on stdout. */
import type { Broker } from '../core/broker.ts'
import type { Plan } from '../engine/topology/plan.ts'
import { follow, positionsOf } from './follow.ts'
import type { Follower } from './follow.ts'
import { ANY_FORMAT, checkTopic, lenient, serdesOf } from './topics.ts'

/** @throws SLUICE_CONFIG_INVALID for a topic that the application neither reads nor writes */
export function checkPrinted(plan: Plan, topics: readonly string[]): void {
  const known = [...serdesOf(plan).keys(), `${plan.application}-dead-letters`]
  for (const topic of topics) checkTopic(topic, known, '--print')
}

/** Where each topic ends before the application starts: only what is new gets printed. */
export async function endsOf(
  broker: Broker,
  topics: readonly string[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  return new Map(
    await Promise.all(topics.map(async (topic) => [topic, await positionsOf(broker, topic)] as const)),
  )
}

/** One follower per topic. */
export function printTopics(
  broker: Broker,
  plan: Plan,
  topics: readonly string[],
  from: ReadonlyMap<string, readonly number[]>,
): Promise<readonly Follower[]> {
  const serdes = serdesOf(plan)
  return Promise.all(
    topics.map((topic) => {
      const { key, value } = serdes.get(topic) ?? ANY_FORMAT
      return follow(broker, {
        topic,
        key: lenient(key),
        value: lenient(value),
        from: from.get(topic) ?? [],
        each: ({ partition, offset, timestamp, key: id, value: content }) => {
          const record = { topic, partition, offset, timestamp, key: id, value: content }
          process.stdout.write(`${JSON.stringify(record)}\n`)
        },
      })
    }),
  )
}
