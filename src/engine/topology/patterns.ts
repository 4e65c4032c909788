/** Sources that read all topics with a matching name: which topics those are is known when an application starts, not before. */
import { sluiceError } from '../../core/errors.ts'
import type { Plan, PlanNode, Subtopology } from './plan.ts'

export function hasPatterns(plan: Plan): boolean {
  return plan.subtopologies.some(({ nodes }) => nodes.some(({ source }) => source?.pattern !== undefined))
}

/**
 * The plan with the topics of its patterns; the same plan when it has none.
 * @param existing names of the topics there are; topics of the application's own, and those a source names, are left out
 * @throws SLUICE_TOPIC_MISSING when nothing matches
 */
export function matchTopics(plan: Plan, existing: readonly string[], deadLetterTopic: string): Plan {
  if (!hasPatterns(plan)) return plan
  const taken = new Set([
    ...plan.sourceTopics,
    ...plan.internalTopics.map(({ name }) => name),
    deadLetterTopic,
  ])
  const matched: string[] = []
  const fill = (node: PlanNode): PlanNode => {
    if (node.source?.pattern === undefined) return node
    const topics = topicsOf(node.source.pattern, existing).filter((topic) => !taken.has(topic))
    if (topics.length === 0) throw nothingMatches(plan, node, existing)
    for (const topic of topics) taken.add(topic)
    matched.push(...topics)
    return Object.freeze({ ...node, source: { ...node.source, topics } })
  }
  const subtopologies = plan.subtopologies.map((one): Subtopology => {
    const nodes = one.nodes.map(fill)
    return Object.freeze({ ...one, nodes, sourceTopics: nodes.flatMap(({ source }) => source?.topics ?? []) })
  })
  return Object.freeze({ ...plan, subtopologies, sourceTopics: [...plan.sourceTopics, ...matched] })
}

/** As Java, a pattern must match the whole name. */
function topicsOf(pattern: RegExp, existing: readonly string[]): readonly string[] {
  const whole = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replaceAll(/[gy]/g, ''))
  return existing.filter((topic) => whole.test(topic)).toSorted()
}

function nothingMatches(plan: Plan, node: PlanNode, existing: readonly string[]): Error {
  return sluiceError('SLUICE_TOPIC_MISSING', {
    topic: String(node.source!.pattern),
    place: ` (the pattern of ${node.name} in ${plan.application})`,
    existing: existing.toSorted().slice(0, 20).join(', ') || 'none',
  })
}
