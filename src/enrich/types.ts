/** Types of what sources answer and of what leaves the operator; no code. */
import type { Duration } from '../core/duration.ts'
import type { ConcurrencyOptions } from './concurrency-policy.ts'
import type { OrderMode } from './order.ts'
import type { Source, SourceLike } from './sources/source.ts'

/** One source, or several that are asked at the same time, by the name of the field each fills. */
export type Sources<Value = never, Key = never> = SourceLike<Value, Key> | SourceMap<Value, Key>

export type SourceMap<Value = never, Key = never> = Readonly<Record<string, SourceLike<Value, Key>>>

/** What a source answers. */
export type InferAnswer<S> = S extends {
  readonly kind: Source['kind']
  call(...parameters: never[]): infer Answer
}
  ? Awaited<Answer>
  : S extends (...parameters: never[]) => infer Answer
    ? Awaited<Answer>
    : never

declare const none: unique symbol

type InferFallback<F> = typeof none extends F ? never : InferGiven<F>

type InferGiven<F> = F extends (...parameters: never[]) => infer Answer ? Awaited<Answer> : F

/**
 * The value that leaves the operator: the answer of a single source, or the record's value with one field for each of
 * several sources. `F` is the type of the option `fallback`.
 */
export type Enriched<Value, S, F = never> = S extends SourceLike
  ? InferAnswer<S> | InferFallback<F>
  : Omit<Value, keyof S> & {
      [Name in keyof S]: InferAnswer<S[Name]> | (Name extends keyof F ? InferFallback<F[Name]> : never)
    }

/** Computes an answer from the record's value and the error. */
export type FallbackFunction<Value = never> = (value: Value, error: Error) => unknown

/**
 * What the option `fallback` takes for records of type `Value`. As the constraint of a type parameter it gives the
 * parameters of a fallback function their types; `unknown` would say the same of values and leave those untyped. All of it
 * (the symbol included, which nobody can give) stands for no fallback.
 */
export type Fallbacks<Value = never> =
  | FallbackFunction<Value>
  | Readonly<Record<string, FallbackFunction<Value> | PlainFallback>>
  | PlainFallback
  | typeof none

type PlainFallback = object | string | number | bigint | boolean | null | undefined

export interface EnrichOptions<Fallback = unknown> {
  /**
   * `key`: calls of a key overlap, results of a key leave in order (default if all sources read). `key-serial`: one
   * record of a key at a time (default if a source writes). `partition`: all results of a task leave in order.
   * `none`: as they come.
   */
  readonly order?: OrderMode
  /**
   * Most calls under way per task; default 32. With bounds (`{ min: 1, max: 512 }`, or `auto` for these) it is found while
   * running: more as long as calls take about as long as with little to do, fewer when they take longer or fail.
   */
  readonly concurrency?: number | 'auto' | ConcurrencyOptions
  /**
   * Most records waiting per task before no more are read. Default 8 × concurrency, or with batches, if more, 2 × concurrency ×
   * their size; where results leave in order it grows up to 8 times that while slow calls hold others back.
   */
  readonly maxPending?: number
  /** Most bytes of records waiting per task, as they were read; default 64 MiB. */
  readonly maxPendingBytes?: number
  /** Most records of a key waiting before the task reads no more; default: no limit. For orders by key. */
  readonly maxPendingPerKey?: number
  /** Total time a record may take, retries and restarts included; default 30s. */
  readonly deadline?: Duration
  /**
   * What to use instead of an answer when a source failed for good: a value or `(value, error) => answer`. With several
   * sources: an object of these by field; sources without one follow `onError`.
   */
  readonly fallback?: Fallback
  /** What becomes of a record whose source failed for good and has no fallback; default `dead-letter`. */
  readonly onError?: 'dead-letter' | 'drop' | 'fail'
}
