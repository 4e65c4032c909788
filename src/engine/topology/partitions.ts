/**
 * How many partitions the internal topics get, against the counts the broker reports. Repartition topics take the count
 * of what is written into them, or of the topics they are joined with; a user's topic is never changed.
 */
import { sluiceError } from '../../core/errors.ts'
import type { InternalTopic, Plan } from './plan.ts'

/**
 * @param counts partition counts of the topics that exist at the broker
 * @returns the count of every internal topic
 * @throws SLUICE_TOPIC_MISSING, SLUICE_COPARTITION, SLUICE_TOPOLOGY (repartition topics that only feed one another)
 */
export function checkPartitions(
  plan: Plan,
  counts: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const resolved = new Map<string, number>()
  for (const topic of plan.sourceTopics) resolved.set(topic, existing(plan, topic, counts))
  const repartitions = plan.internalTopics.filter((topic) => topic.role === 'repartition')
  for (const { name, partitions } of repartitions)
    if (partitions !== undefined) resolved.set(name, partitions)
  const groups = joinedGroups(plan)
  for (const group of groups) pinGroup(group, resolved)
  const free = repartitions.filter(({ name }) => !resolved.has(name))
  settle(plan, free, groups, resolved)
  const answer = new Map<string, number>()
  for (const topic of plan.internalTopics) {
    const count =
      topic.role === 'repartition' ? resolved.get(topic.name) : tasksOf(plan, topic.writtenBy, resolved)
    answer.set(topic.name, count ?? 1)
  }
  return answer
}

function existing(plan: Plan, topic: string, counts: ReadonlyMap<string, number>): number {
  const count = counts.get(topic)
  if (count !== undefined) return count
  throw sluiceError('SLUICE_TOPIC_MISSING', {
    topic,
    place: ` (read by ${plan.application})`,
    existing: [...counts.keys()].sort().slice(0, 20).join(', ') || 'none',
  })
}

interface Group {
  readonly node: string
  readonly topics: Set<string>
}

/** Groups that share a topic must agree with one another, so they are one. */
function joinedGroups(plan: Plan): readonly Group[] {
  const groups: Group[] = []
  for (const { node, topics } of plan.copartition) {
    const merged: Group = { node, topics: new Set(topics) }
    const apart = groups.filter((group) => group.topics.isDisjointFrom(merged.topics))
    for (const group of groups) {
      if (!apart.includes(group)) for (const topic of group.topics) merged.topics.add(topic)
    }
    groups.splice(0, groups.length, ...apart, merged)
  }
  return groups
}

/** Topics with a count of their own must agree; the others in the group take it. */
function pinGroup(group: Group, resolved: Map<string, number>): void {
  const fixed = [...group.topics].filter((topic) => resolved.has(topic))
  const wanted = new Set(fixed.map((topic) => resolved.get(topic)!))
  if (wanted.size > 1) {
    const counts = fixed.map((topic) => `"${topic}" has ${resolved.get(topic)}`).join(', ')
    throw sluiceError('SLUICE_COPARTITION', { node: group.node, counts })
  }
  for (const count of wanted) for (const topic of group.topics) resolved.set(topic, count)
}

/** Grows the open counts until nothing changes: they are maxima over one another, so a fixpoint exists. */
function settle(
  plan: Plan,
  free: readonly InternalTopic[],
  groups: readonly Group[],
  resolved: Map<string, number>,
): void {
  for (let changed = true; changed;) {
    changed = false
    for (const { name, writtenBy } of free) {
      const group = groups.find(({ topics }) => topics.has(name))
      const partners = [...(group?.topics ?? [])].map((topic) => resolved.get(topic) ?? 0)
      const count = Math.max(tasksOf(plan, writtenBy, resolved) ?? 0, ...partners)
      if (count <= (resolved.get(name) ?? 0)) continue
      resolved.set(name, count)
      changed = true
    }
  }
  const open = free.find(({ name }) => !resolved.has(name))
  if (open === undefined) return
  throw sluiceError('SLUICE_TOPOLOGY', {
    node: open.name,
    problem: 'its partition count cannot be known: it is fed by itself only',
    remedy: 'Give the repartition a fixed number of partitions.',
  })
}

/** The number of tasks of the largest of these sub-topologies, as far as known. */
function tasksOf(
  plan: Plan,
  subtopologies: readonly number[],
  resolved: ReadonlyMap<string, number>,
): number | undefined {
  const topics = subtopologies.flatMap((id) => plan.subtopologies[id]!.sourceTopics)
  const known = topics.flatMap((topic) => resolved.get(topic) ?? [])
  return known.length === 0 ? undefined : Math.max(...known)
}
