/** How a command fails: code, message, what to do on stderr, and an exit code that tells whose move it is. */
import type { ErrorDomain, SluiceError } from '../core/errors.ts'
import { isSluiceError, problemOf, sluiceError } from '../core/errors.ts'

/** 1: correct the input and repeat. 2: something outside is not well, repeat later. 3: a bug in Sluice. */
export const EXIT_CODES: Readonly<Record<ErrorDomain, number>> = { user: 1, external: 2, internal: 3 }

/** Anything thrown as an error of the table. */
export function asSluiceError(error: unknown): SluiceError {
  if (isSluiceError(error)) return error
  return sluiceError('SLUICE_INTERNAL', { place: 'the command line', problem: problemOf(error) }, error)
}

/** For people: three lines, and the stack only where it helps somebody (a bug of ours). */
export function describeFailure(error: SluiceError): string {
  const lines = [`error ${error.code}`, ...indent(error.message), ...indent(`What to do: ${error.fix}`)]
  const stack = error.domain === 'internal' && error.cause instanceof Error ? error.cause.stack : undefined
  if (stack !== undefined) lines.push(...indent(stack))
  return `${lines.join('\n')}\n`
}

/** For machines: one JSON line. */
export function failureJson(error: SluiceError): string {
  const { code, domain, message, fix, details } = error
  return `${JSON.stringify({ event: 'failed', code, domain, message, fix, details })}\n`
}

function indent(text: string): readonly string[] {
  return text.split('\n').map((line) => `  ${line}`)
}
