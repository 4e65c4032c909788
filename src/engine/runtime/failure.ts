/**
 * Who is to blame when something throws while a record is processed: the record (it follows the error policy) or the
 * worker (it drops all uncommitted work and starts anew, or stops). Operators never decide this.
 */
import { isSluiceError, problemOf, sluiceError, type SluiceError } from '../../core/errors.ts'
import type { FlowRecord } from '../../core/record.ts'
import { FatalOutcome } from './in-flight.ts'

/** An error with the innermost node that threw it and the record that node was given. */
export class NodeFailure extends Error {
  readonly node: string
  readonly record: FlowRecord | undefined

  constructor(node: string, record: FlowRecord | undefined, cause: unknown) {
    super(problemOf(cause), { cause })
    this.name = 'NodeFailure'
    this.node = node
    this.record = record
  }
}

/** Keeps the innermost node. */
export function atNode(error: unknown, node: string, record: FlowRecord | undefined): NodeFailure {
  return error instanceof NodeFailure ? error : new NodeFailure(node, record, error)
}

const RECORD_ERRORS = [
  'SLUICE_SERIALIZE',
  'SLUICE_DESERIALIZE',
  'SLUICE_RECORD_TOO_LARGE',
  'SLUICE_RECORD_REFUSED',
] as const

/** True when the record (or the user's function) is to blame, false when the engine cannot go on with it. */
export function blamesRecord(error: unknown): boolean {
  const cause = error instanceof NodeFailure ? error.cause : error
  if (!isSluiceError(cause)) return true
  if (cause.cause instanceof FatalOutcome) return false
  return (RECORD_ERRORS as readonly string[]).includes(cause.code)
}

/** The error of the table for what a node threw. */
export function processingError(error: unknown): SluiceError {
  const cause = error instanceof NodeFailure ? error.cause : error
  if (isSluiceError(cause)) return cause
  const record = error instanceof NodeFailure ? error.record : undefined
  return sluiceError(
    'SLUICE_PROCESSING',
    {
      node: error instanceof NodeFailure ? error.node : 'unknown',
      topic: record?.topic ?? '',
      partition: record?.partition ?? -1,
      offset: record?.offset ?? -1,
      problem: problemOf(cause),
    },
    cause,
  )
}

/** What stopped a worker, as an error of the table: anything foreign is a bug of ours. */
export function workerError(error: unknown): SluiceError {
  if (isSluiceError(error)) return error
  return sluiceError('SLUICE_INTERNAL', { place: 'worker', problem: problemOf(error) }, error)
}
