/** Configs of topics as Kafka holds them now. Whoever reads them here also teaches the producers of the connection. */
import type { Parts } from '../ask.ts'
import { again, notYet } from '../ask.ts'
import { failure, isRetriable } from '../cluster/error-codes.ts'
import { describeConfigsApi } from '../protocol/messages/describe-configs.ts'
import type { TopicLimits } from '../produce/limits.ts'

const TOPIC = 2
/** configSource of values set for the topic itself (DYNAMIC_TOPIC_CONFIG). */
const OF_THE_TOPIC = 1

type Config = Readonly<Record<string, string>>

/** By topic: what was set for it, without defaults. A topic that went away meanwhile is absent. */
export async function topicConfigs(
  parts: Parts,
  limits: TopicLimits,
  topics: readonly string[],
): Promise<ReadonlyMap<string, Config>> {
  if (topics.length === 0) return new Map()
  const resources = topics.map((resourceName) => ({
    resourceType: TOPIC,
    resourceName,
    configurationKeys: null,
  }))
  const response = await again(parts, { operation: 'DescribeConfigs' }, async () => {
    const answer = await parts.cluster.any('metadata', describeConfigsApi, { resources })
    const passing = answer.results.find(({ errorCode }) => errorCode !== 3 && isRetriable(errorCode))
    return passing === undefined ? answer : notYet(passing.errorCode)
  })
  const found = new Map<string, Config>()
  for (const { resourceName, errorCode, errorMessage, configs } of response.results) {
    if (errorCode === 3) continue
    if (errorCode !== 0) throw failure(errorCode, `DescribeConfigs of topic "${resourceName}"`, errorMessage)
    const all = configs.flatMap(({ name, value }) => (value === null ? [] : [[name, value] as const]))
    limits.learn(resourceName, Object.fromEntries(all))
    const own = configs.filter(({ configSource }) => configSource === OF_THE_TOPIC).map(({ name }) => name)
    const named = new Set(own)
    found.set(resourceName, Object.fromEntries(all.filter(([name]) => named.has(name))))
  }
  return found
}
