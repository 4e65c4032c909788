/** JSON Schema as a Standard Schema, through `ajv`: compiled once, at the first answer. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ErrorObject, ValidateFunction } from 'ajv'
import { loadDriver } from './driver.ts'

/**
 * A JSON Schema (draft 2020-12) for `checked`. It validates and changes nothing; what it does not mention passes. Needs the
 * package `ajv` (`npm install ajv`).
 * @example
 * import { checked, http, jsonSchema } from 'sluice/enrich'
 *
 * const profile = checked(
 *   http('https://profiles.internal/{key}'),
 *   jsonSchema<{ tier: string }>({ type: 'object', required: ['tier'], properties: { tier: { type: 'string' } } }),
 * )
 */
export function jsonSchema<Answer>(
  schema: Readonly<Record<string, unknown>>,
): StandardSchemaV1<unknown, Answer> {
  let compiled: ValidateFunction | undefined
  const check = (validate: ValidateFunction, value: unknown): StandardSchemaV1.Result<Answer> =>
    validate(value) ? { value: value as Answer } : { issues: (validate.errors ?? []).map(issueOf) }
  return {
    '~standard': {
      version: 1,
      vendor: 'sluice',
      validate(value) {
        if (compiled !== undefined) return check(compiled, value)
        return compile(schema).then((made) => {
          compiled = made
          return check(made, value)
        })
      },
    },
  }
}

async function compile(schema: Readonly<Record<string, unknown>>): Promise<ValidateFunction> {
  const { Ajv2020 } = await loadDriver('jsonSchema(…)', 'ajv', () => import('ajv/dist/2020.js'))
  // `format` needs another package; an unknown one must not pass for checked, nor keep the application from running.
  return new Ajv2020({ allErrors: true, strict: false, validateFormats: false }).compile(schema)
}

function issueOf({ instancePath, message }: ErrorObject): StandardSchemaV1.Issue {
  const path = instancePath.split('/').slice(1)
  return { message: message ?? 'does not fit', path }
}
