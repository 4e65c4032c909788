/**
 * The serdes of Sluice: between values and the bytes of keys and values, byte-equal with Java's.
 * @module sluice/serdes
 */
export { string, uuid } from './text.ts'
export { bigint64, boolean, bytes, double, float, int16, int32, int64 } from './binary.ts'
export { json } from './json.ts'
export { list } from './list.ts'
export type { JsonOptions } from './json.ts'
export { sessionWindowed, timeWindowed } from './windowed.ts'
export type { Serde } from '../core/serde.ts'
