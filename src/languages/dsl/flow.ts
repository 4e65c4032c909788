/** The beginning of an application: streams and tables of topics. */
import { sluiceError } from '../../core/errors.ts'
import type { TimestampExtractor, Topic } from '../../core/topic.ts'
import { viewOf } from '../../engine/operators/table-view.ts'
import { table } from '../../engine/operators/table.ts'
import { TopologyBuilder } from '../../engine/topology/builder.ts'
import type { KafkaStreamsNaming } from '../../engine/topology/kafka-streams/naming.ts'
import { mergedName, stepName } from '../../engine/topology/names.ts'
import type { SourceSpec } from '../../engine/topology/node.ts'
import { GroupedHandle } from './grouped.ts'
import { GroupedTableHandle } from './grouped-table.ts'
import { globalNames, GlobalTableHandle } from './global-table.ts'
import { checkOptions } from './options.ts'
import { givenName, isMaterialized, stateNames, tableStore } from './place.ts'
import type { Supplies, Workshop } from './place.ts'
import { StreamHandle } from './stream.ts'
import { TableHandle } from './table.ts'
import type { Flow, Stream, Table } from './types.ts'
import type { GlobalTable, Named, PatternOptions, SourceTableOptions, StoreNamed } from './verb-options.ts'

/** @param naming counts as Kafka Streams does; absent: names come from content */
export function makeWorkshop({ print, ...serdes }: Supplies, naming?: KafkaStreamsNaming): Workshop {
  return {
    builder: new TopologyBuilder(),
    serdes,
    print,
    say: (said) => naming?.say(said),
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

  stream<K, V>(topics: Topic<K, V> | readonly Topic<K, V>[], options?: Named): Stream<K, V>
  stream<K, V>(pattern: RegExp, options: PatternOptions<K, V>): Stream<K, V>
  stream<K, V>(
    topics: Topic<K, V> | readonly Topic<K, V>[] | RegExp,
    options?: Named | PatternOptions<K, V>,
  ): Stream<K, V> {
    if (topics instanceof RegExp) return streamOfPattern(this.#shop, topics, options as PatternOptions<K, V>)
    checkOptions('stream', options)
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
    const name = givenName(options, 'stream')
    const said = this.#shop.say({ verb: 'stream', topics: names, name })
    const source = this.#shop.builder.source(names, first.key, first.value, said?.node ?? name, timed(first))
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
    const parent = builder.source([topic.name], topic.key, topic.value, undefined, timed(topic)).name
    // Without options the table of a topic is one table, however often it is asked for.
    const known = this.#tables.get(topic.name)
    if (known !== undefined && options === undefined) return known as Table<K, V>
    const said = { verb: 'table', topic: topic.name } as const
    const names = stateNames(this.#shop, 'table', stepName(topic.name, 'table'), options, said)
    const name = names.node
    const { key, value } = topic
    const store = tableStore(names, key, value, options)
    const materialized = isMaterialized(names, options)
    builder.add(table({ name, parent, store, emit: options?.emit, materialized }))
    const lineage = options?.name ?? topic.name
    const view = viewOf(store)
    const made = this.#shop.table<K, V>({ shop: this.#shop, node: name, lineage, key, value, view })
    if (names.generated) this.#tables.set(topic.name, made)
    return made
  }

  globalTable<K, V>(topic: Topic<K, V>, options?: StoreNamed): GlobalTable<K, V> {
    const known = this.#globals.get(topic.name)
    if (known !== undefined && options === undefined) return known as GlobalTable<K, V>
    const { store: name, generated } = globalNames(this.#shop, topic.name, options)
    const { key, value } = topic
    this.#shop.builder.addGlobal({ name, topic: topic.name, key, value })
    const made = new GlobalTableHandle(this.#shop, name, topic)
    if (generated) this.#globals.set(topic.name, made)
    return made
  }
}

/** The stream of all topics whose names match. */
function streamOfPattern<K, V>(shop: Workshop, pattern: RegExp, options: PatternOptions<K, V>): Stream<K, V> {
  checkOptions('streamOfPattern', options)
  const { key, value, timestamp } = options
  const name = givenName(options, 'stream')
  const said = shop.say({ verb: 'stream', topics: [], pattern: pattern.source, name })
  // Names are made of what names may be made of.
  const lineage = pattern.source.replaceAll(/[^\w.-]+/g, '-').replaceAll(/^-|-$/g, '') || 'pattern'
  const given = said?.node ?? name ?? shop.builder.freeName(stepName(lineage, 'source'))
  const source = shop.builder.source([], key, value, given, { pattern, ...timed({ timestamp }) })
  return shop.stream({ shop, node: source.name, lineage, key, value })
}

function timed<K, V>({
  timestamp,
}: {
  readonly timestamp?: TimestampExtractor<K, V> | undefined
}): Pick<SourceSpec, 'timestamp'> {
  return timestamp === undefined ? {} : { timestamp: timestamp as TimestampExtractor<unknown, unknown> }
}

/** One source node reads all its topics with one pair of serdes. */
function checkSerdes<K, V>(first: Topic<K, V>, all: readonly Topic<K, V>[]): void {
  const other = all.find(
    (topic) => topic.key !== first.key || topic.value !== first.value || topic.timestamp !== first.timestamp,
  )
  if (other === undefined) return
  throw sluiceError('SLUICE_TOPOLOGY', {
    node: 'stream',
    problem: `the topics "${first.name}" and "${other.name}" have different serdes or timestamps`,
    remedy: 'Read them as two streams and merge them.',
  })
}
