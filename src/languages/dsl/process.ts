/** The verbs process and processValues: the user's own processor, given a context that only holds what is meant for users. */
import { FlowRecord, NO_HEADERS } from '../../core/record.ts'
import type { BuildProcessor, Next, Processor, ProcessorContext } from '../../core/processor.ts'
import { process, processValues } from '../../engine/operators/process.ts'
import { stepName } from '../../engine/topology/names.ts'
import { checkOptions } from './options.ts'
import { stateNames } from './place.ts'
import type { Place } from './place.ts'
import type {
  FixedKeyContext,
  FixedKeyRecord,
  ProcessContext,
  ProcessOptions,
  ProcessValuesOptions,
} from './verb-options.ts'

/** Adds the node of process and answers with the place below it. */
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

/** The same for processValues: what follows has the same keys, so nothing is repartitioned. */
export function addProcessValues(
  place: Place,
  build: (context: FixedKeyContext<unknown>) => Processor,
  options: ProcessValuesOptions<unknown> | undefined,
): Place {
  checkOptions('processValues', options)
  const stores = options?.stores ?? []
  const said = { verb: 'processValues', from: place.node, stores: stores.map((one) => one.name) } as const
  const content = stepName(place.lineage, 'processValues')
  const name = stateNames(place.shop, 'processValues', content, options, said).node
  place.shop.builder.add(processValues({ name, parent: place.node }, withFixedKey(build), stores))
  return { ...place, node: name, value: options?.value }
}

function withUserContext(build: (context: ProcessContext<unknown, unknown>) => Processor): BuildProcessor {
  return (context: ProcessorContext) => {
    const { next, task, nextNamed } = context
    const emit = (key: unknown, value: unknown, timestamp: number): void => {
      next(new FlowRecord(key, value, timestamp, NO_HEADERS, '', task.partition, -1, undefined, undefined))
    }
    return build({ ...context, emit, forwardTo: nextNamed })
  }
}

/** Types keep a key from being changed; where they were cast away, the record that came tells. */
function withFixedKey(build: (context: FixedKeyContext<unknown>) => Processor): BuildProcessor {
  return (context) => {
    let current: FlowRecord | undefined
    const guarded =
      (next: Next) =>
      (record: FixedKeyRecord<unknown, unknown>): void => {
        if (current !== undefined && record.key !== current.key) throw changedKey(current.key, record.key)
        next(record as FlowRecord)
      }
    const forwardTo = (child: string): ReturnType<typeof guarded> => guarded(context.nextNamed(child))
    const processor = build({ ...context, next: guarded(context.next), forwardTo })
    const process = (record: FlowRecord): void => {
      current = record
      try {
        processor.process(record)
      } finally {
        current = undefined
      }
    }
    return { ...bound(processor), process }
  }
}

function bound(processor: Processor): Omit<Processor, 'process'> {
  return {
    ...(processor.flush && { flush: (shouldYield) => processor.flush!(shouldYield) }),
    ...(processor.close && { close: () => processor.close!() }),
  }
}

function changedKey(expected: unknown, came: unknown): TypeError {
  return new TypeError(
    `processValues must keep the key ${JSON.stringify(expected)}, came ${JSON.stringify(came)}; use process to change keys`,
  )
}
