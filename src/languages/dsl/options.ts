/** The options of every verb by name, so that a misspelt one is refused where TypeScript does not look (plain JavaScript, a cast). */
import { lintUnknown } from '../../core/config.ts'

/** A verb that takes options and does not check them itself, as enrich does. */
export type Verb =
  | 'aggregate'
  | 'aggregateTable'
  | 'branch'
  | 'cogroup'
  | 'count'
  | 'filter'
  | 'flatMap'
  | 'filterNot'
  | 'flatMapValues'
  | 'forEach'
  | 'globalTable'
  | 'groupBy'
  | 'groupByKey'
  | 'join'
  | 'joinForeign'
  | 'joinGlobal'
  | 'leftJoin'
  | 'leftJoinGlobal'
  | 'map'
  | 'mapValues'
  | 'merge'
  | 'peek'
  | 'print'
  | 'process'
  | 'processValues'
  | 'reduce'
  | 'reduceTable'
  | 'repartition'
  | 'selectKey'
  | 'stream'
  | 'streamJoin'
  | 'streamOfPattern'
  | 'suppress'
  | 'table'
  | 'tableFilter'
  | 'tableFilterNot'
  | 'tableJoin'
  | 'tableLeftJoin'
  | 'tableMapValues'
  | 'tableOuterJoin'
  | 'to'
  | 'toChosen'
  | 'toStream'
  | 'toTable'
  | 'windowedAggregate'
  | 'windowedCogroup'
  | 'windowedCount'
  | 'windowedReduce'

const NAMED = ['name']
const SERDES = ['name', 'key', 'value']
const TABLE = ['name', 'store', 'emit', 'changelog', 'versioned']

const WINDOWED = ['name', 'store', 'emit', 'changelog', 'retention', 'cached']

const MATERIALIZED = [...TABLE, 'materialized']

const OPTIONS: Readonly<Record<Verb, readonly string[]>> = {
  aggregate: [...TABLE, 'init', 'add', 'value'],
  aggregateTable: [...TABLE, 'init', 'add', 'subtract', 'value'],
  branch: ['name', 'default', 'as'],
  cogroup: [...TABLE, 'init', 'value'],
  count: [...TABLE, 'materialized'],
  filter: NAMED,
  filterNot: NAMED,
  flatMap: SERDES,
  flatMapValues: ['name', 'value'],
  forEach: NAMED,
  globalTable: ['name', 'store'],
  groupBy: SERDES,
  groupByKey: SERDES,
  join: [...SERDES, 'grace'],
  joinForeign: [...MATERIALIZED, 'value', 'partitioner'],
  joinGlobal: ['name', 'key'],
  leftJoin: [...SERDES, 'grace'],
  leftJoinGlobal: ['name', 'key'],
  map: SERDES,
  mapValues: ['name', 'value'],
  merge: NAMED,
  peek: NAMED,
  print: ['name', 'label', 'write'],
  process: [...SERDES, 'stores'],
  processValues: ['name', 'value', 'stores'],
  reduce: [...TABLE, 'value'],
  reduceTable: [...TABLE, 'add', 'subtract', 'value'],
  repartition: [...SERDES, 'partitions', 'partitioner'],
  selectKey: SERDES,
  stream: NAMED,
  streamOfPattern: [...SERDES, 'timestamp'],
  streamJoin: [...SERDES, 'store', 'within', 'grace', 'otherValue', 'changelog'],
  suppress: NAMED,
  table: MATERIALIZED,
  tableFilter: MATERIALIZED,
  tableFilterNot: MATERIALIZED,
  tableJoin: [...MATERIALIZED, 'value'],
  tableLeftJoin: [...MATERIALIZED, 'value'],
  tableMapValues: [...MATERIALIZED, 'value'],
  tableOuterJoin: [...MATERIALIZED, 'value'],
  to: ['name', 'partitioner'],
  toChosen: [...SERDES, 'partitioner'],
  toStream: NAMED,
  toTable: [...MATERIALIZED, 'key', 'value'],
  windowedAggregate: [...WINDOWED, 'init', 'add', 'merge', 'value'],
  windowedCogroup: [...WINDOWED, 'init', 'merge', 'value'],
  windowedCount: [...WINDOWED, 'materialized'],
  windowedReduce: [...WINDOWED, 'value'],
}

/** @throws SLUICE_CONFIG_UNKNOWN with the nearest option of that verb */
export function checkOptions(verb: Verb, options: object | undefined): void {
  if (options !== undefined) lintUnknown(Object.keys(options), OPTIONS[verb], verb)
}
