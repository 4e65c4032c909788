/** The verb process: the user's own processor, given a context that only holds what is meant for users. */
import { FlowRecord, NO_HEADERS } from '../../core/record.ts'
import type { BuildProcessor, Processor, ProcessorContext } from '../../core/processor.ts'
import { process } from '../../engine/operators/process.ts'
import { checkName, stepName } from '../../engine/topology/names.ts'
import type { StoreSpec } from '../../engine/topology/node.ts'
import type { Serde } from '../../core/serde.ts'
import { checkOptions } from './options.ts'
import { stateNames } from './place.ts'
import type { Place } from './place.ts'
import type { ProcessContext, ProcessOptions } from './verb-options.ts'

/** How a store of `process` keeps its values. */
export interface StoreOptions<K, V> {
  readonly key: Serde<K>
  readonly value: Serde<V>
  /** Kept in a changelog topic, so that it survives the machine. Default true. */
  readonly changelog?: boolean
}

/**
 * A store for `process`; read it with `context.store<KeyValueStore<K, V>>(name)`.
 * @example const seen = store('seen', { key: string, value: int64 })
 */
export function store<K, V>(name: string, { key, value, changelog = true }: StoreOptions<K, V>): StoreSpec {
  return Object.freeze({ name: checkName(name, 'store'), kind: 'key-value', key, value, changelog })
}

/** Adds the node and answers with the place below it. */
export function addProcess(
  place: Place,
  build: (context: ProcessContext<unknown, unknown>) => Processor,
  options: ProcessOptions<unknown, unknown> | undefined,
): Place {
  checkOptions('process', options)
  const stores = options?.stores ?? []
  const said = { verb: 'process', from: place.node, stores: stores.map((one) => one.name) } as const
  const content = stepName(place.lineage, 'process')
  const name = stateNames(place.shop, 'process', content, options, said).node
  place.shop.builder.add(process({ name, parent: place.node }, withUserContext(build), options?.stores ?? []))
  const lineage = options?.name ?? stepName(place.lineage, 'process')
  return { ...place, node: name, lineage, key: options?.key, value: options?.value }
}

function withUserContext(build: (context: ProcessContext<unknown, unknown>) => Processor): BuildProcessor {
  return (context: ProcessorContext) => {
    const { next, task } = context
    const emit = (key: unknown, value: unknown, timestamp: number): void => {
      next(new FlowRecord(key, value, timestamp, NO_HEADERS, '', task.partition, -1, undefined, undefined))
    }
    return build({ ...context, emit })
  }
}
