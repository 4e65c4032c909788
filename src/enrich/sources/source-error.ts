/** What a driver throws, as the operator needs it: a code, a message, and whether to ask again. */
import { isSluiceError, problemOf, sluiceError } from '../../core/errors.ts'
import { CallError } from '../call-error.ts'

/** A failed call with the code of the system that failed, and whether asking again may help. */
export function sourceError(name: string, error: unknown, code: unknown, retriable: boolean): CallError {
  if (error instanceof CallError) return error
  if (isSluiceError(error)) return new CallError(error.message, { retriable: false, cause: error })
  const shown = typeof code === 'string' || typeof code === 'number' ? code : 'no code'
  const cause = sluiceError(
    retriable ? 'SLUICE_CALL_FAILED' : 'SLUICE_CALL_REFUSED',
    { source: name, code: shown, problem: problemOf(error) },
    error,
  )
  return new CallError(cause.message, { retriable, cause })
}
