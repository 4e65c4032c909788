/** The verb to: a topic that is named, or chosen per record, and partitions by key or as a partitioner says. */
import type { FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { sink } from '../../engine/operators/sink.ts'
import { stepName } from '../../engine/topology/names.ts'
import { ANY_TOPIC } from '../../engine/topology/node.ts'
import type { SinkSpec } from '../../engine/topology/node.ts'
import { checkOptions } from './options.ts'
import { givenName, keySerde, valueSerde } from './place.ts'
import type { Place } from './place.ts'
import type { Callback, Partitioner, SinkTopic, ToChosenOptions } from './verb-options.ts'

type AnyTopic = SinkTopic<unknown, unknown> | Callback<unknown, unknown, string>
type AnyOptions = ToChosenOptions<unknown, unknown> | undefined

/** @param topic a topic, or a function that names one */
export function addSink(place: Place, topic: AnyTopic, options: AnyOptions): void {
  const { shop, node } = place
  const chosen = typeof topic === 'function'
  checkOptions(chosen ? 'toChosen' : 'to', options)
  const given = givenName(options, 'to')
  const said = shop.say({ verb: 'to', from: node, name: given, ...(chosen ? {} : { topic: topic.name }) })
  const wanted = stepName(chosen ? place.lineage : topic.name, 'sink')
  const name = said?.node ?? given ?? shop.builder.freeName(wanted)
  const partition = partitionOf(options?.partitioner)
  const choices = { ...partition, ...(chosen && { topicOf: topicOf(topic) }) }
  const target = chosen ? chosenTopic(place, options) : (topic as unknown as NamedTopic)
  shop.builder.add(sink({ name, parent: node }, target, choices))
}

/** A user's partitioner as outputs ask it. */
export function partitionOf(partitioner: Partitioner<never, never> | undefined): Pick<SinkSpec, 'partition'> {
  if (partitioner === undefined) return {}
  const ask = partitioner as Partitioner<unknown, unknown>
  return { partition: (record, partitions) => ask(record.value, record.key, partitions, record) }
}

interface NamedTopic {
  readonly name: string
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
}

function topicOf(choose: Callback<unknown, unknown, string>): (record: FlowRecord) => string {
  return (record) => choose(record.value, record.key, record)
}

function chosenTopic(place: Place, options: AnyOptions): NamedTopic {
  const key = keySerde(place, options?.key, 'to')
  return { name: ANY_TOPIC, key, value: valueSerde(place, options?.value) }
}
