/** Partition counts of a driven application: every topic has one, also those that a sink chooses per record. */
import type { Plan } from '../engine/topology/plan.ts'

class OneEach extends Map<string, number> {
  override get(topic: string): number {
    return super.get(topic) ?? 1
  }
}

export function oneEach(plan: Plan, deadLetterTopic: string): ReadonlyMap<string, number> {
  const internal = plan.internalTopics.map(({ name }) => name)
  const topics = [deadLetterTopic, ...plan.sourceTopics, ...plan.sinkTopics, ...internal]
  return new OneEach(topics.map((topic) => [topic, 1]))
}
