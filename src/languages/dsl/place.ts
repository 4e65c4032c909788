/**
 * Where a stream, table or group stands in the topology being built, and the choices that follow from it: names from
 * content, serdes from what is known. Nothing here is public.
 */
import { milliseconds } from '../../core/duration.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Serde } from '../../core/serde.ts'
import type { WriteLine } from '../../engine/operators/print.ts'
import type { TopologyBuilder } from '../../engine/topology/builder.ts'
import type { Said, SaidNames } from '../../engine/topology/kafka-streams/said.ts'
import { checkName, stepName } from '../../engine/topology/names.ts'
import type { StoreSpec } from '../../engine/topology/node.ts'
import type { TableView } from '../../engine/operators/table-view.ts'
import type { Grouped, GroupedTable, Stream, Table } from './types.ts'
import type { Named, SourceTableOptions, TableOptions } from './verb-options.ts'

/** Serdes for what has none of its own; handed in by the composition root. */
export interface DefaultSerdes {
  readonly json: Serde<unknown>
  readonly text: Serde<string>
  /** Of counts: Java's Long. */
  readonly count: Serde<number>
  /** Of windowed keys. @param sizeMs of the windows; undefined: sessions */
  readonly windowed: (key: Serde<unknown>, sizeMs: number | undefined) => Serde<unknown>
}

/** What the composition root hands to every application of the DSL. */
export interface Supplies extends DefaultSerdes {
  /** Where `print` writes. */
  readonly print: WriteLine
}

/** What all handles of one application share. */
export interface Workshop {
  readonly builder: TopologyBuilder
  readonly serdes: DefaultSerdes
  readonly print: WriteLine
  /** What Kafka Streams' builder makes of a verb; undefined where names come from content. */
  say(said: Said): SaidNames | undefined
  stream<K, V>(place: Place): Stream<K, V>
  table<K, V>(place: TablePlace): Table<K, V>
  grouped<K, V>(place: GroupPlace): Grouped<K, V>
  groupedTable<K, V>(place: GroupPlace): GroupedTable<K, V>
}

export interface Place {
  readonly shop: Workshop
  /** The node whose output this is. */
  readonly node: string
  /** What names are made of: source topics, joins, branches and key-changing steps so far. */
  readonly lineage: string
  /** Serdes of what was not touched since it was read, or that the user gave; undefined = unknown. */
  readonly key: Serde<unknown> | undefined
  readonly value: Serde<unknown> | undefined
}

export interface GroupPlace extends Place {
  /** Name of the repartition topic that all aggregations of the group share; absent: each has its own. */
  readonly repartition: string | undefined
  /** The group as Kafka Streams' names know it. */
  readonly group?: string | undefined
}

export interface TablePlace extends Place {
  readonly key: Serde<unknown>
  /** How joins look keys up in it. */
  readonly view: TableView
  /** Its keys are windows, and these take records for so long after their end. */
  readonly closesAfterMs?: number
}

/** The place of a handle that was made by `workshop`. @throws SLUICE_TOPOLOGY for a handle of another application */
export function placeOf<P extends Place>(handle: unknown, shop: Workshop, verb: string): P {
  const place = (handle as { readonly place?: P } | null | undefined)?.place
  if (place?.shop === shop) return place
  throw sluiceError('SLUICE_TOPOLOGY', {
    node: verb,
    problem: 'it was given something that is no stream or table of this application',
    remedy: 'Use streams and tables of the same flow only.',
  })
}

/** The name of a node without state: given, or from content with a number if need be, or counted as Kafka Streams does. */
export function freeName(
  place: Place,
  verb: string,
  options: Named | undefined,
  said: Without<Said, 'name' | 'from'>,
): string {
  const name = givenName(options, verb)
  const counted = place.shop.say({ ...said, from: place.node, name } as Said)
  return counted?.node ?? name ?? place.shop.builder.freeName(stepName(place.lineage, verb))
}

export function givenName(options: Named | undefined, verb: string): string | undefined {
  return options?.name === undefined ? undefined : checkName(options.name, `option \`name\` of ${verb}`)
}

/** Names of a node and of what it keeps. */
export interface StateNames extends StoreName {
  readonly node: string
  /** Undefined where names come from content. */
  readonly said: SaidNames | undefined
}

export interface StoreName {
  readonly store: string
  /** Nobody gave it. */
  readonly generated: boolean
}

type Names = Named & { readonly store?: string | undefined }
type Without<S, K extends PropertyKey> = S extends unknown ? Omit<S, K> : never

/**
 * Names of a node with state: given, or from content alone, or counted as Kafka Streams counts them.
 * @param content what the node is called when names come from content @param said completed with the names that were given
 */
export function stateNames(
  shop: Workshop,
  verb: string,
  content: string,
  options: Names | undefined,
  said: Without<Said, 'name' | 'store'>,
): StateNames {
  const name = givenName(options, verb)
  const given =
    options?.store === undefined ? undefined : checkName(options.store, `option \`store\` of ${verb}`)
  const counted = shop.say({ ...said, name, store: given } as Said)
  if (counted !== undefined) {
    const store = counted.store ?? counted.node
    return { node: counted.node, store, generated: given === undefined, said: counted }
  }
  const [node, generated] = [name ?? content, given === undefined && name === undefined]
  return { node, store: given ?? node, generated, said: undefined }
}

/** The name of a repartition topic: Kafka Streams', or as given, or after the node it is for. */
export function repartitionOf(
  { said, node }: StateNames,
  given: string | undefined,
  input = 0,
): { readonly name: string; readonly generated?: true } {
  const name = said?.repartitions?.[input] ?? given ?? node
  return given === undefined ? { name, generated: true } : { name }
}

/** Any text as a part of a name. */
export function namePart(text: string): string {
  return text.replace(/[^a-zA-Z0-9._-]/g, '_')
}

/** Whether the user asked for the store of a table. */
export function isMaterialized(names: StateNames, options: SourceTableOptions | undefined): boolean {
  return options?.materialized ?? (!names.generated || options?.versioned !== undefined)
}

/** Whether the user said how an aggregation is kept, as with Java's Materialized. */
export function isChosen(options: TableOptions | undefined): boolean {
  const { store, changelog, versioned } = options ?? {}
  return store !== undefined || changelog !== undefined || versioned !== undefined
}

/** The store of a table or aggregation. */
export function tableStore(
  { store: name, generated }: StoreName,
  key: Serde<unknown>,
  value: Serde<unknown>,
  options: TableOptions | undefined,
): StoreSpec {
  const [changelog, history] = [options?.changelog ?? true, options?.versioned]
  const spec = { name, key, value, changelog, ...(generated && { generated }) }
  if (history === undefined) return Object.freeze({ ...spec, kind: 'timestamped' })
  const retentionMs = milliseconds(history, `table ${name}: versioned`)
  return Object.freeze({ ...spec, kind: 'versioned', retentionMs })
}

/** Given, or that of the key as it was read, or that of the partner of a join, or text. */
export function keySerde(
  place: Place,
  given: Serde<unknown> | undefined,
  verb: string,
  partner?: Serde<unknown>,
): Serde<unknown> {
  return given ?? place.key ?? partner ?? textKeys(place.shop.serdes.text, verb)
}

export function valueSerde(place: Place, given: Serde<unknown> | undefined): Serde<unknown> {
  return given ?? place.value ?? place.shop.serdes.json
}

/** Text, that says which option to give when a key is something else. */
function textKeys(text: Serde<string>, verb: string): Serde<unknown> {
  return Object.freeze({
    ...text,
    serialize: (key: unknown) => {
      if (typeof key === 'string') return text.serialize(key)
      const came = key === null ? 'null' : typeof key
      throw new TypeError(
        `the key for ${verb} is of type ${came}, and no serde for it is known: give the option \`key\`, ` +
          `for instance { key: int64 }, to the verb that makes the key (selectKey, map, groupBy …) or to ${verb}`,
      )
    },
  })
}
