/**
 * What becomes of a record that failed: the application's handler says, else the setting of its step. Nothing vanishes here:
 * a record goes to the dead letters, or is counted and logged, or stops the worker.
 */
import type { ErrorHandler, ErrorPolicy, FailedStep } from '../../core/error-handler.ts'
import { isSluiceError, problemOf, type SluiceError, sluiceError } from '../../core/errors.ts'
import type { Logger } from '../../core/log.ts'
import type { Metrics } from '../../core/metrics.ts'
import type { DeadLetter, DeadLetters } from './dead-letter.ts'
import type { EngineSettings } from './options.ts'

export interface ErrorRulesParts {
  readonly settings: EngineSettings
  readonly handler: ErrorHandler | undefined
  readonly deadLetters: DeadLetters
  readonly log: Logger
  readonly metrics: Metrics
  /** `<subtopology>_<partition>` */
  readonly task: string
}

const POLICIES: ReadonlySet<unknown> = new Set<ErrorPolicy>(['dead-letter', 'skip', 'fail'])

/** What a result that cannot be written failed with. */
const PRODUCE_ERRORS = ['SLUICE_SERIALIZE', 'SLUICE_RECORD_TOO_LARGE', 'SLUICE_RECORD_REFUSED'] as const

/** The step at which an operator's error belongs. */
export function stepOf(error: SluiceError): FailedStep {
  return isSluiceError(error, ...PRODUCE_ERRORS) ? 'produce' : 'process'
}

export class ErrorRules {
  readonly #parts: ErrorRulesParts

  constructor(parts: ErrorRulesParts) {
    this.#parts = parts
  }

  /** @throws the error itself where the record must stop the worker */
  apply(step: FailedStep, letter: DeadLetter, error: SluiceError): void {
    switch (this.#policy(step, letter, error)) {
      case 'dead-letter':
        return this.#parts.deadLetters.write(letter, error)
      case 'skip':
        return this.#skip(letter, error)
      case 'fail':
        throw error
    }
  }

  #policy(step: FailedStep, letter: DeadLetter, error: SluiceError): ErrorPolicy {
    const { handler, settings } = this.#parts
    if (handler === undefined) return policyOf(step, settings)
    const { node, topic, partition, offset, timestamp, key, value, headers } = letter
    let said: unknown
    try {
      said = handler({ step, error, node, topic, partition, offset, timestamp, key, value, headers })
    } catch (cause) {
      throw unusable(letter, `onError threw: ${problemOf(cause)}, about: ${error.message}`, cause)
    }
    if (POLICIES.has(said)) return said as ErrorPolicy
    throw unusable(
      letter,
      `onError returned ${JSON.stringify(said) ?? typeof said}, expected dead-letter, skip or fail`,
      error,
    )
  }

  #skip({ node, topic, partition, offset }: DeadLetter, error: SluiceError): void {
    const { metrics, task, log } = this.#parts
    metrics.counter('dropped-records-total', { task, node }).value++
    log.warn({ topic, partition, offset, node, code: error.code }, `skipped: ${error.message}`)
  }
}

function policyOf(step: FailedStep, settings: EngineSettings): ErrorPolicy {
  switch (step) {
    case 'deserialize':
      return settings.onDeserializeError
    case 'process':
      return settings.onProcessingError
    case 'produce':
      return settings.onProductionError
  }
}

function unusable(
  { node, topic, partition, offset }: DeadLetter,
  problem: string,
  cause: unknown,
): SluiceError {
  return sluiceError('SLUICE_PROCESSING', { node, topic, partition, offset, problem }, cause)
}
