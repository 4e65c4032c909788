/**
 * Which tables must say what a value was before (rule R6). Joins and groupings of tables demand it; filters only like to know
 * it, where it is at hand anyway, so as to leave out deletions of what was never there. Asked in the order in which the nodes
 * were added, as Kafka Streams does: it decides which tombstones are visible. Where nobody asks, nothing is read for it.
 */
import type { TopologyNode } from './node.ts'

/** Names of the nodes whose changes must carry old values. @param nodes in the order in which they were added */
export function trackedNodes(nodes: readonly TopologyNode[]): ReadonlySet<string> {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const tracked = new Set<string>()
  const ask = (name: string, demand: boolean): boolean => {
    const node = byName.get(name)!
    if (tracked.has(name)) return true
    const { oldValues = 'at-hand' } = node
    if (oldValues === 'on-demand' && !demand) return false
    // Every parent is asked, also after one said no.
    const own = oldValues === 'at-hand' || oldValues === 'on-demand'
    const answers = own ? [] : node.parents.map((parent) => ask(parent, demand || oldValues === 'demands'))
    if (answers.includes(false)) return false
    tracked.add(name)
    return true
  }
  for (const node of nodes) {
    for (const parent of node.needsOldValues ?? []) ask(parent, true)
    const [parent] = node.parents
    if (node.likesOldValues === true && ask(parent!, false)) tracked.add(node.name)
  }
  return tracked
}
