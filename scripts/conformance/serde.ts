/** Values of cases as bytes. Strings travel as UTF-8 and numbers as longs in the cases; here each says in front which it is. */
import { json } from '../../src/index.ts'
import type { Serde } from '../../src/index.ts'
import type { Value } from './functions.ts'

/** Any value; a null has no bytes at all. */
export const VALUES: Serde<Value> = json<Value>()

/** The same, for where the types know that there is a value. */
export const PRESENT: Serde<string | number> = json<string | number>()

const LONGS: Serde<Value> = {
  ...VALUES,
  deserialize: (bytes) => {
    const value = VALUES.deserialize(bytes)
    if (typeof value === 'number') return value
    throw new TypeError(`expected a long, came ${typeof value}`)
  },
}
Reflect.deleteProperty(LONGS, 'deserializeAt')
Reflect.deleteProperty(LONGS, 'deserializeText')

/** The serde of a source. */
export function serdeOf(valueType: string | undefined): Serde<Value> {
  return valueType === 'long' ? LONGS : VALUES
}
