/**
 * The bytes of an answer that is kept over restarts: JSON of the answer and when it was given. Answers that JSON would bring
 * back as something else (dates, bytes, bigints) are not kept: a record must not get another answer after a restart.
 */
import type { Bytes } from '../core/record.ts'

const VERSION = 1
const utf8 = new TextEncoder()
const text = new TextDecoder()

export interface KeptAnswer {
  readonly value: unknown
  readonly answeredAt: number
}

/** Undefined for an answer that is not plain JSON. */
export function encodeAnswer({ value, answeredAt }: KeptAnswer): Bytes | undefined {
  return isPlainJson(value, 0) ? utf8.encode(JSON.stringify([VERSION, answeredAt, value])) : undefined
}

/** Undefined for what another version wrote: it is only a cache. */
export function decodeAnswer(bytes: Bytes): KeptAnswer | undefined {
  try {
    const [version, answeredAt, value] = JSON.parse(text.decode(bytes)) as [number, number, unknown]
    return version === VERSION && typeof answeredAt === 'number' ? { value, answeredAt } : undefined
  } catch {
    return undefined
  }
}

const DEEPEST = 64

function isPlainJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object' || depth > DEEPEST) return false
  if (Array.isArray(value)) return value.every((part) => isPlainJson(part, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Object.values(value).every((part) => isPlainJson(part, depth + 1))
}
