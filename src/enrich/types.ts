/** Types of what sources answer and of what leaves the operator; no code. */
import type { Duration } from '../core/duration.ts'
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
  /** Most calls under way per task; default 32. */
  readonly concurrency?: number
  /** Most records waiting per task before no more are read; default 8 × concurrency, or with batches, if more, 2 × concurrency × their size. */
  readonly maxPending?: number
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
