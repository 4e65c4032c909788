/** Makes an answer safe to share between records. */

/**
 * Freezes plain objects and arrays, all the way down; gives back the same object. Dates, maps, sets, bytes and class
 * instances are left as they are: JavaScript cannot freeze their contents, so a shared answer should not hold them.
 */
export function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (!isPlain(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) freezeDeep(part)
  return value
}

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
