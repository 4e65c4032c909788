/**
 * Answers held to a schema: what a service adds passes, what it breaks never gets into the stream. An answer that does not fit
 * is not asked for again; it goes where failures go (fallback, dead letter) and is counted.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { sluiceError } from '../../core/errors.ts'
import { CallError } from '../call-error.ts'
import type { Source } from './source.ts'

/** Problems of an answer that go into the message. */
const SHOWN_ISSUES = 3

/**
 * The same source, its answers validated (and transformed as the schema says). `null`, "there is none", passes. Takes any
 * Standard Schema (zod, valibot, arktype …), or `jsonSchema(…)`.
 * @example
 * import { checked, http } from 'sluice/enrich'
 * import { z } from 'zod'
 *
 * const profile = checked(http('https://profiles.internal/{key}'), z.object({ tier: z.enum(['gold', 'silver']) }))
 */
export function checked<Answer, Value, Request, Output>(
  source: Source<Answer, Value, Request>,
  schema: StandardSchemaV1<unknown, Output>,
): Source<Output | Extract<Answer, null>, Value, Request> {
  type Checked = Output | Extract<Answer, null>
  const name = source.options?.name ?? source.name ?? source.endpoint ?? 'the source'
  const check = (answer: unknown): Checked | Promise<Checked> => {
    if (answer === null) return null as Checked
    const result = schema['~standard'].validate(answer)
    return result instanceof Promise ? result.then((late) => valueOf(name, late)) : valueOf(name, result)
  }
  const each = async (answer: Answer | Error): Promise<Checked | Error> => {
    if (answer instanceof Error) return answer
    try {
      return await check(answer)
    } catch (error) {
      return error as Error
    }
  }
  const { callMany } = source
  return {
    ...source,
    call(request, context) {
      const answer = source.call(request, context)
      return isPromise(answer) ? answer.then(check) : check(answer)
    },
    ...(callMany === undefined
      ? {}
      : {
          callMany: async (
            requests: Parameters<typeof callMany>[0],
            context: Parameters<typeof callMany>[1],
          ) => Promise.all((await callMany.call(source, requests, context)).map(each)),
        }),
  } as Source<Checked, Value, Request>
}

function isPromise<T>(answer: T | PromiseLike<T>): answer is PromiseLike<T> {
  return typeof (answer as { readonly then?: unknown } | null)?.then === 'function'
}

function valueOf<Output>(source: string, result: StandardSchemaV1.Result<Output>): Output {
  if (result.issues === undefined) return result.value
  const { issues } = result
  const shown = issues.slice(0, SHOWN_ISSUES).map(({ message, path = [] }) => {
    const at = path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
    return at === '' ? message : `${at}: ${message}`
  })
  const more = issues.length > SHOWN_ISSUES ? `, and ${issues.length - SHOWN_ISSUES} more` : ''
  const cause = sluiceError('SLUICE_ENRICH_SCHEMA', { source, problem: shown.join('; ') + more })
  throw new CallError(cause.message, { retriable: false, cause })
}
