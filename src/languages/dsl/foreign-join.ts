/** The verbs joinForeign and leftJoinForeign: names and serdes of the join and of its internal topics. */
import type { Serde } from '../../core/serde.ts'
import type { Joiner } from '../../engine/operators/join.ts'
import { joinForeign } from '../../engine/operators/join-foreign.ts'
import type { ForeignJoinParts, ForeignSide } from '../../engine/operators/join-foreign.ts'
import { viewOf } from '../../engine/operators/table-view.ts'
import type { SaidNames } from '../../engine/topology/kafka-streams/said.ts'
import { stepName } from '../../engine/topology/names.ts'
import { checkOptions } from './options.ts'
import { isMaterialized, placeOf, stateNames, tableStore, valueSerde } from './place.ts'
import type { TablePlace } from './place.ts'
import type { Table } from './types.ts'
import type { ForeignJoinOptions } from './verb-options.ts'

/** Adds the join and answers with the table it gives. @throws SLUICE_TOPOLOGY for a table of another application */
export function addForeignJoin<K, R>(
  kind: ForeignJoinParts['kind'],
  place: TablePlace,
  other: unknown,
  [foreignKey, joiner]: readonly [foreignKey: unknown, joiner: unknown],
  options: ForeignJoinOptions<never, never> | undefined,
): Table<K, R> {
  checkOptions('joinForeign', options)
  const { shop, key } = place
  const right = placeOf<TablePlace>(other, shop, kind)
  const content = stepName(place.lineage, `${kind}-${right.lineage}`)
  const said = { verb: 'foreignJoin', from: place.node, other: right.node, materialized: true } as const
  const names = stateNames(shop, kind, content, options, said)
  const name = names.node
  const value = (options?.value as Serde<unknown> | undefined) ?? shop.serdes.json
  const store = tableStore(names, key, value, options)
  const nodes = joinForeign({
    name,
    kind,
    left: sideOf(place),
    right: sideOf(right),
    foreignKey: foreignKey as ForeignJoinParts['foreignKey'],
    joiner: joiner as Joiner,
    store,
    emit: options?.emit,
    materialized: isMaterialized(names, options),
    partitioner: options?.partitioner as ForeignJoinParts['partitioner'],
    ...namedParts(names.said),
  })
  for (const node of nodes) shop.builder.add(node)
  return shop.table({ ...place, node: name, lineage: name, key, value, view: viewOf(store) })
}

/** Kafka Streams' names of what is in between. */
function namedParts(said: SaidNames | undefined): Pick<ForeignJoinParts, 'subscriptions' | 'topics'> {
  if (said === undefined) return {}
  return { subscriptions: said.stores![0]!, topics: said.topics as readonly [string, string] }
}

function sideOf(place: TablePlace): ForeignSide {
  return { node: place.node, view: place.view, key: place.key, value: valueSerde(place, undefined) }
}
