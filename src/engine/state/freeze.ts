/** Deep freezing of stored values in tests and development: a mutation of an owned value throws where it happens. */

/** Values known to be frozen to the last leaf, so that putting a large value again costs one look-up. */
const frozen = new WeakSet<object>()

/**
 * Freezes plain objects and arrays to the last leaf and returns the value. Views of bytes cannot be frozen and what is
 * inside a Map or Set is not seen: those stay as they are.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || frozen.has(value))
    return value
  frozen.add(value)
  for (const inner of Object.values(value)) deepFreeze(inner)
  Object.freeze(value)
  return value
}
