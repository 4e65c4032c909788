/** The options of every verb by name, so that a misspelt one is refused where TypeScript does not look (plain JavaScript, a cast). */
import { lintUnknown } from '../../core/config.ts'

/** A verb that takes options and does not check them itself, as enrich does. */
export type Verb =
  | 'aggregate'
  | 'branch'
  | 'count'
  | 'filter'
  | 'flatMap'
  | 'flatMapValues'
  | 'groupBy'
  | 'groupByKey'
  | 'join'
  | 'leftJoin'
  | 'map'
  | 'mapValues'
  | 'peek'
  | 'process'
  | 'reduce'
  | 'repartition'
  | 'selectKey'
  | 'table'
  | 'to'
  | 'toStream'
  | 'toTable'

const NAMED = ['name']
const SERDES = ['name', 'key', 'value']
const TABLE = ['name', 'emit', 'changelog']

const OPTIONS: Readonly<Record<Verb, readonly string[]>> = {
  aggregate: [...TABLE, 'init', 'add', 'value'],
  branch: NAMED,
  count: TABLE,
  filter: NAMED,
  flatMap: SERDES,
  flatMapValues: ['name', 'value'],
  groupBy: SERDES,
  groupByKey: SERDES,
  join: SERDES,
  leftJoin: SERDES,
  map: SERDES,
  mapValues: ['name', 'value'],
  peek: NAMED,
  process: [...SERDES, 'stores'],
  reduce: [...TABLE, 'value'],
  repartition: [...SERDES, 'partitions'],
  selectKey: SERDES,
  table: TABLE,
  to: NAMED,
  toStream: NAMED,
  toTable: [...TABLE, 'key', 'value'],
}

/** @throws SLUICE_CONFIG_UNKNOWN with the nearest option of that verb */
export function checkOptions(verb: Verb, options: object | undefined): void {
  if (options !== undefined) lintUnknown(Object.keys(options), OPTIONS[verb], verb)
}
