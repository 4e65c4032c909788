/** Placeholders of templates: `key`, `value`, `value.address.city`. Read once, looked up per record; own fields only. */
import { sluiceError } from '../../core/errors.ts'

/** What a placeholder names in a record; undefined: nothing. */
export type Lookup = (value: unknown, key: unknown) => unknown

/** @throws SLUICE_CONFIG_INVALID for anything but key, value and value.field */
export function compileLookup(expression: string, place: string): Lookup {
  const [root, ...fields] = expression.trim().split('.')
  if ((root !== 'key' && root !== 'value') || fields.includes('')) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place,
      expected: 'placeholders {key}, {value} or {value.field}',
      came: `{${expression}}`,
    })
  }
  return (value, key) => {
    let part: unknown = root === 'key' ? key : value
    for (const field of fields) {
      if (typeof part !== 'object' || part === null || !Object.hasOwn(part, field)) return undefined
      part = (part as Readonly<Record<string, unknown>>)[field]
    }
    return part
  }
}
