/**
 * defineApp: an application as a name and a function that draws its topology. Defining it does nothing; running it is
 * the business of whoever imports the module (the command line, a worker thread, a test).
 */
import { lintUnknown } from '../../core/config.ts'
import { sluiceError } from '../../core/errors.ts'
import type { SluiceError } from '../../core/errors.ts'
import type { ErrorHandler } from '../../core/error-handler.ts'
import { checkTopicName } from '../../core/topic.ts'
import type { Topology } from '../../engine/topology/builder.ts'
import { KafkaStreamsNaming } from '../../engine/topology/kafka-streams/naming.ts'
import type { Optimization } from '../../engine/topology/kafka-streams/naming.ts'
import { compile } from '../../engine/topology/compile.ts'
import type { Plan } from '../../engine/topology/plan.ts'
import { FlowHandle, makeWorkshop } from './flow.ts'
import type { Supplies } from './place.ts'
import type { Flow } from './types.ts'

export interface App {
  readonly kind: 'app'
  /** Group id, and prefix of internal topics and state. */
  readonly name: string
  /** What it says about records that fail; undefined: the settings say. */
  readonly onError: ErrorHandler | undefined
  /** The nodes as drawn. Drawn anew at each call. @throws what the verbs throw */
  topology(): Topology
  /** The compiled plan; made once. @throws SLUICE_TOPOLOGY, SLUICE_NAME_TAKEN, SLUICE_TOPIC_INVALID */
  plan(): Plan
}

/**
 * Defines an application.
 * @param draw called when the plan is needed, in every thread: it must draw the same each time
 * @example export default defineApp('copy', (flow) => { flow.stream(from).to(to) })
 */
export type DefineApp = (name: string, draw: (flow: Flow) => void, options?: AppOptions) => App

export type OptimizationName =
  | 'reuse.ktable.source.topics'
  | 'merge.repartition.topics'
  | 'single.store.self.join'

export interface AppOptions {
  /**
   * Decides about each record that cannot be read, processed or written, before the settings `onDeserializeError`,
   * `onProcessingError` and `onProductionError` do. Default: none.
   * @example onError: ({ step, topic }) => (step === 'deserialize' && topic === 'clicks' ? 'skip' : 'dead-letter')
   */
  readonly onError?: ErrorHandler
  /**
   * Where names come from that nobody gave. `content` (default): from topics and verbs, so that they stay when the rest changes.
   * `kafka-streams`: counted as Java's builder counts, to take over the state of a Java application, or to hand it over.
   */
  readonly naming?: 'content' | 'kafka-streams'
  /**
   * What is done with fewer topics and stores, as Kafka Streams' `topology.optimization`: `'all'`, or some of
   * `'reuse.ktable.source.topics'` (a table's own topic is its changelog), `'merge.repartition.topics'` (one behind a key change instead
   * of several; with names of Kafka Streams only) and `'single.store.self.join'`. Changing it changes topics and state. Default none.
   */
  readonly optimization?: 'all' | 'none' | readonly OptimizationName[]
  /**
   * True: state or an internal topic whose name nobody gave is refused, so that an upgrade never orphans any (Kafka Streams'
   * `ensure.explicit.internal.resource.naming`). Default false.
   */
  readonly explicitNames?: boolean
}

const APP_OPTIONS = ['onError', 'naming', 'optimization', 'explicitNames']

/** Called once by the front door: it knows the serdes and the terminal, the languages do not. */
export function makeDefineApp(supplies: Supplies): DefineApp {
  return (name, draw, options = {}) => {
    checkTopicName(name)
    lintUnknown(Object.keys(options), APP_OPTIONS, `defineApp ${name}`)
    const asked = checkNaming(name, options)
    const topology = (): Topology => {
      const naming = asked.counted ? new KafkaStreamsNaming() : undefined
      const shop = makeWorkshop(supplies, naming)
      draw(new FlowHandle(shop))
      const { optimization, explicitNames } = asked
      const counted = naming?.build(optimization)
      return Object.freeze({
        ...shop.builder.build(),
        optimization,
        explicitNames,
        ...(counted && { counted }),
      })
    }
    let plan: Plan | undefined
    return Object.freeze({
      kind: 'app',
      name,
      onError: options.onError,
      topology,
      plan: () => (plan ??= compile(name, topology())),
    })
  }
}

interface AskedNaming {
  readonly counted: boolean
  readonly optimization: Optimization
  readonly explicitNames: boolean
}

/** @throws SLUICE_CONFIG_INVALID */
function checkNaming(
  name: string,
  { naming = 'content', optimization = 'none', explicitNames = false }: AppOptions,
): AskedNaming {
  if (naming !== 'content' && naming !== 'kafka-streams')
    throw invalid(name, 'naming', "'content' or 'kafka-streams'", naming)
  const wanted = optimization === 'all' ? OPTIMIZATIONS : optimization === 'none' ? [] : optimization
  const unknown = wanted.find((one) => !OPTIMIZATIONS.includes(one))
  if (unknown !== undefined)
    throw invalid(name, 'optimization', `'all', 'none' or some of ${OPTIMIZATIONS.join(', ')}`, unknown)
  const counted = naming === 'kafka-streams'
  const mergeRepartitions = wanted.includes('merge.repartition.topics')
  if (mergeRepartitions && !counted && optimization !== 'all')
    throw invalid(name, 'optimization', "merge.repartition.topics with naming: 'kafka-streams' only", naming)
  return {
    counted,
    optimization: {
      reuseSourceTopics: wanted.includes('reuse.ktable.source.topics'),
      mergeRepartitions: mergeRepartitions && counted,
      shareSelfJoins: wanted.includes('single.store.self.join'),
    },
    explicitNames,
  }
}

const OPTIMIZATIONS: readonly OptimizationName[] = [
  'reuse.ktable.source.topics',
  'merge.repartition.topics',
  'single.store.self.join',
]

function invalid(app: string, option: string, expected: string, came: unknown): SluiceError {
  return sluiceError('SLUICE_CONFIG_INVALID', {
    place: `defineApp ${app}: option \`${option}\``,
    expected,
    came: JSON.stringify(came),
  })
}
