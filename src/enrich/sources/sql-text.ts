/** Values of SQL as text, for comparing them: never part of a statement. */

/** A parameter or a column as text, so that a row finds its request: 7, 7n and '7' are the same key. */
export function parameterText(value: unknown): string {
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return String(value)
}
