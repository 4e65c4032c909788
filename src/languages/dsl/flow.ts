/** The beginning of an application: streams and tables of topics. */
import { sluiceError } from '../../core/errors.ts'
import type { Topic } from '../../core/topic.ts'
import { viewOf } from '../../engine/operators/table-view.ts'
import { table } from '../../engine/operators/table.ts'
import { TopologyBuilder } from '../../engine/topology/builder.ts'
import { mergedName, stepName } from '../../engine/topology/names.ts'
import { GroupedHandle } from './grouped.ts'
import { GroupedTableHandle } from './grouped-table.ts'
import { globalName, GlobalTableHandle } from './global-table.ts'
import { checkOptions } from './options.ts'
import { givenName, isMaterialized, tableStore } from './place.ts'
import type { Supplies, Workshop } from './place.ts'
import { StreamHandle } from './stream.ts'
import { TableHandle } from './table.ts'
import type { Flow, Stream, Table } from './types.ts'
import type { GlobalTable, Named, SourceTableOptions } from './verb-options.ts'

export function makeWorkshop({ print, ...serdes }: Supplies): Workshop {
  return {
    builder: new TopologyBuilder(),
    serdes,
    print,
    stream: (place) => new StreamHandle(place),
    table: (place) => new TableHandle(place),
    grouped: (place) => new GroupedHandle(place),
    groupedTable: (place) => new GroupedTableHandle(place),
  }
}

export class FlowHandle implements Flow {
  readonly #shop: Workshop
  readonly #tables = new Map<string, unknown>()
  readonly #globals = new Map<string, GlobalTable<unknown, unknown>>()

  constructor(shop: Workshop) {
    this.#shop = shop
  }

  stream<K, V>(topics: Topic<K, V> | readonly Topic<K, V>[]): Stream<K, V> {
    const all = 'name' in topics ? [topics] : topics
    const [first] = all
    if (first === undefined) {
      throw sluiceError('SLUICE_TOPOLOGY', {
        node: 'stream',
        problem: 'it was given no topic',
        remedy: 'Name at least one topic.',
      })
    }
    checkSerdes(first, all)
    const names = all.map((topic) => topic.name)
    const source = this.#shop.builder.source(names, first.key, first.value)
    const lineage = mergedName(names)
    return this.#shop.stream({
      shop: this.#shop,
      node: source.name,
      lineage,
      key: first.key,
      value: first.value,
    })
  }

  table<K, V>(topic: Topic<K, V>, options?: SourceTableOptions): Table<K, V> {
    checkOptions('table', options)
    const { builder } = this.#shop
    const name = givenName(options, 'table') ?? stepName(topic.name, 'table')
    const parent = builder.source([topic.name], topic.key, topic.value).name
    // Without options the table of a topic is one table, however often it is asked for.
    const known = this.#tables.get(name)
    if (known !== undefined && options === undefined) return known as Table<K, V>
    const { key, value } = topic
    const store = tableStore(name, key, value, options)
    const materialized = isMaterialized(options)
    builder.add(table({ name, parent, store, emit: options?.emit, materialized }))
    const lineage = options?.name ?? topic.name
    const view = viewOf(store)
    const made = this.#shop.table<K, V>({ shop: this.#shop, node: name, lineage, key, value, view })
    this.#tables.set(name, made)
    return made
  }

  globalTable<K, V>(topic: Topic<K, V>, options?: Named): GlobalTable<K, V> {
    const name = globalName(topic.name, options)
    const known = this.#globals.get(name)
    if (known !== undefined && options === undefined) return known as GlobalTable<K, V>
    const { key, value } = topic
    this.#shop.builder.addGlobal({ name, topic: topic.name, key, value })
    const made = new GlobalTableHandle(this.#shop, name, topic)
    this.#globals.set(name, made)
    return made
  }
}

/** One source node reads all its topics with one pair of serdes. */
function checkSerdes<K, V>(first: Topic<K, V>, all: readonly Topic<K, V>[]): void {
  const other = all.find((topic) => topic.key !== first.key || topic.value !== first.value)
  if (other === undefined) return
  throw sluiceError('SLUICE_TOPOLOGY', {
    node: 'stream',
    problem: `the topics "${first.name}" and "${other.name}" have different serdes`,
    remedy: 'Read them as two streams and merge them.',
  })
}
