/**
 * Joins of a stream with itself that keep their records once instead of twice: an optimisation one asks for, since it changes which
 * stores there are. It must be asked before repartitions are put in: they would make two streams of one.
 */
import type { TopologyNode } from './node.ts'

/** @param wanted by the name of the join's last node */
export function shareSelfJoins(
  nodes: readonly TopologyNode[],
  wanted: (join: string) => boolean,
): readonly TopologyNode[] {
  const byName = new Map(nodes.map((node) => [node.name, node]))
  const gone = new Set<string>()
  const shared = nodes.map((node) => {
    if (node.selfJoin === undefined || !wanted(node.name)) return node
    const [kept] = node.selfJoin.parents
    for (const side of node.parents) {
      gone.add(side)
      for (const window of byName.get(side)!.parents) if (window !== kept) gone.add(window)
    }
    return node.selfJoin
  })
  return shared.filter(({ name }) => !gone.has(name))
}
