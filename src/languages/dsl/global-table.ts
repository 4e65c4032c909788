/** Global tables: handles of tables that every instance holds whole, and the joins of streams with them. */
import { sluiceError } from '../../core/errors.ts'
import type { Topic } from '../../core/topic.ts'
import { joinGlobal, leftJoinGlobal } from '../../engine/operators/join-global.ts'
import type { GlobalJoinParts } from '../../engine/operators/join-global.ts'
import type { FromRecord } from '../../engine/operators/callbacks.ts'
import type { Joiner } from '../../engine/operators/join.ts'
import { namePart, freeName, stateNames } from './place.ts'
import type { Place, StateNames, Workshop } from './place.ts'
import { stepName } from '../../engine/topology/names.ts'
import { checkOptions } from './options.ts'
import type { GlobalJoinOptions, GlobalTable, StoreNamed } from './verb-options.ts'

export class GlobalTableHandle<K, V> implements GlobalTable<K, V> {
  readonly name: string
  readonly topic: Topic<K, V>
  readonly shop: Workshop

  constructor(shop: Workshop, name: string, topic: Topic<K, V>) {
    this.shop = shop
    this.name = name
    this.topic = topic
  }
}

/** Of a global table's store: given, or from its topic, or as Kafka Streams counts. */
export function globalNames(shop: Workshop, topic: string, options: StoreNamed | undefined): StateNames {
  checkOptions('globalTable', options)
  return stateNames(shop, 'globalTable', stepName(topic, 'global'), options, { verb: 'globalTable', topic })
}

/** Adds the join and answers with the place below it. @throws SLUICE_TOPOLOGY for a table of another application */
export function addGlobalJoin(
  verb: 'joinGlobal' | 'leftJoinGlobal',
  place: Place,
  table: unknown,
  options: GlobalJoinOptions<never, never, unknown>,
  joiner: Joiner,
): Place {
  checkOptions(verb, options)
  const { builder } = place.shop
  const right = globalOf(table, place.shop, verb)
  const step = `${verb}-${namePart(right.topic.name)}`
  const parts: GlobalJoinParts = {
    name: freeName(place, step, options, { verb }),
    parent: place.node,
    table: right.name,
    key: options.key as unknown as FromRecord<unknown, unknown, unknown>,
  }
  const node = builder.add((verb === 'joinGlobal' ? joinGlobal : leftJoinGlobal)(parts, joiner))
  return {
    ...place,
    node: node.name,
    lineage: options.name ?? stepName(place.lineage, step),
    value: undefined,
  }
}

function globalOf(table: unknown, shop: Workshop, verb: string): GlobalTableHandle<unknown, unknown> {
  if (table instanceof GlobalTableHandle && table.shop === shop) return table
  throw sluiceError('SLUICE_TOPOLOGY', {
    node: verb,
    problem: 'it was given something that is no global table of this application',
    remedy: 'Make the table with flow.globalTable(topic) of the same flow.',
  })
}
