/**
 * defineApp: an application as a name and a function that draws its topology. Defining it does nothing; running it is
 * the business of whoever imports the module (the command line, a worker thread, a test).
 */
import { lintUnknown } from '../../core/config.ts'
import type { ErrorHandler } from '../../core/error-handler.ts'
import { checkTopicName } from '../../core/topic.ts'
import type { Topology } from '../../engine/topology/builder.ts'
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

export interface AppOptions {
  /**
   * Decides about each record that cannot be read, processed or written, before the settings `onDeserializeError`,
   * `onProcessingError` and `onProductionError` do. Default: none.
   * @example onError: ({ step, topic }) => (step === 'deserialize' && topic === 'clicks' ? 'skip' : 'dead-letter')
   */
  readonly onError?: ErrorHandler
}

const APP_OPTIONS = ['onError']

/** Called once by the front door: it knows the serdes and the terminal, the languages do not. */
export function makeDefineApp(supplies: Supplies): DefineApp {
  return (name, draw, options = {}) => {
    checkTopicName(name)
    lintUnknown(Object.keys(options), APP_OPTIONS, `defineApp ${name}`)
    const topology = (): Topology => {
      const shop = makeWorkshop(supplies)
      draw(new FlowHandle(shop))
      return shop.builder.build()
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
