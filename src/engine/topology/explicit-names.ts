/** The strict mode: state and internal topics must be named by the user, so that no upgrade orphans any. */
import { sluiceError } from '../../core/errors.ts'
import type { TopologyNode } from './node.ts'
import type { Subtopology } from './plan.ts'

/** @throws SLUICE_TOPOLOGY listing everything whose name nobody gave */
export function checkExplicitNames(
  nodes: readonly TopologyNode[],
  subtopologies: readonly Subtopology[],
): void {
  const stores = subtopologies.flatMap((subtopology) =>
    subtopology.stores.filter(({ generated }) => generated === true).map(({ name }) => `store "${name}"`),
  )
  const repartitions = new Map(
    nodes
      .flatMap((node) => node.partitioned ?? [])
      .filter(({ generated, parent }) => generated === true && parent.endsWith('-repartition-source'))
      .map(({ name }) => [name, `repartition topic of "${name}"`]),
  )
  const unnamed = [...stores, ...repartitions.values()]
  if (unnamed.length === 0) return
  throw sluiceError('SLUICE_TOPOLOGY', {
    node: unnamed.join(', '),
    problem: 'its name was not given, and would change when the topology does (explicitNames is on)',
    remedy:
      'Give the options `name` or `store` to the verbs that keep state, and `name` to groupBy, groupByKey and join.',
  })
}
