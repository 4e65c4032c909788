/** The verbs joinForeign and leftJoinForeign: names and serdes of the join and of its internal topics. */
import type { Serde } from '../../core/serde.ts'
import type { Joiner } from '../../engine/operators/join.ts'
import { joinForeign } from '../../engine/operators/join-foreign.ts'
import type { ForeignJoinParts, ForeignSide } from '../../engine/operators/join-foreign.ts'
import { viewOf } from '../../engine/operators/table-view.ts'
import { checkOptions } from './options.ts'
import { isMaterialized, placeOf, stateName, tableStore, valueSerde } from './place.ts'
import type { TablePlace } from './place.ts'
import type { Table } from './types.ts'
import type { SourceTableOptions } from './verb-options.ts'

export type ForeignJoinOptions = SourceTableOptions & { readonly value?: Serde<never> }

/** Adds the join and answers with the table it gives. @throws SLUICE_TOPOLOGY for a table of another application */
export function addForeignJoin<K, R>(
  kind: ForeignJoinParts['kind'],
  place: TablePlace,
  other: unknown,
  [foreignKey, joiner]: readonly [foreignKey: unknown, joiner: unknown],
  options: ForeignJoinOptions | undefined,
): Table<K, R> {
  checkOptions('joinForeign', options)
  const { shop, key } = place
  const right = placeOf<TablePlace>(other, shop, kind)
  const name = stateName(place, `${kind}-${right.lineage}`, options)
  const value = (options?.value as Serde<unknown> | undefined) ?? shop.serdes.json
  const store = tableStore(name, key, value, options)
  const nodes = joinForeign({
    name,
    kind,
    left: sideOf(place),
    right: sideOf(right),
    foreignKey: foreignKey as ForeignJoinParts['foreignKey'],
    joiner: joiner as Joiner,
    store,
    emit: options?.emit,
    materialized: isMaterialized(options),
  })
  for (const node of nodes) shop.builder.add(node)
  return shop.table({ ...place, node: name, lineage: name, key, value, view: viewOf(store) })
}

function sideOf(place: TablePlace): ForeignSide {
  return { node: place.node, view: place.view, key: place.key, value: valueSerde(place, undefined) }
}
