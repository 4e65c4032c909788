/** Says in what two topologies of one group differ, for the message of a refused join. */
import type { GroupSubtopology, GroupTopology } from '../../core/broker.ts'

/** The first difference in words, or undefined when they are equal. Order of topics does not count. */
export function topologyDifference(has: GroupTopology, came: GroupTopology): string | undefined {
  const ids = new Set([...has.subtopologies, ...came.subtopologies].map(({ id }) => id))
  for (const id of ids) {
    const a = has.subtopologies.find((s) => s.id === id)
    const b = came.subtopologies.find((s) => s.id === id)
    if (a === undefined) return `sub-topology ${id} is new (it reads ${b!.sourceTopics.join(', ')})`
    if (b === undefined) return `sub-topology ${id} is gone (it read ${a.sourceTopics.join(', ')})`
    const difference =
      lists(a, b, 'sourceTopics', 'source topics') ?? lists(a, b, 'changelogTopics', 'changelogs')
    if (difference !== undefined) return `sub-topology ${id}: ${difference}`
  }
  return undefined
}

function lists(
  a: GroupSubtopology,
  b: GroupSubtopology,
  list: 'sourceTopics' | 'changelogTopics',
  what: string,
): string | undefined {
  const has = a[list].toSorted().join(', ')
  const came = b[list].toSorted().join(', ')
  return has === came ? undefined : `${what} are [${has}] there and [${came}] here`
}
