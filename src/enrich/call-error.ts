/** The error a source throws to steer retries. */

/**
 * A failed call that says whether it is worth repeating. Throw it from a source to steer retries.
 * @example
 * import { CallError, source } from 'sluice/enrich'
 *
 * const quote = source(async (order: { item: string }) => {
 *   if (order.item === '') throw new CallError('nothing to ask for', { retriable: false })
 *   throw new CallError('quota used up', { retriable: true, retryAfterMs: 30_000 })
 * })
 */
export class CallError extends Error {
  readonly retriable: boolean
  /** Shortest wait the service asked for, ms. */
  readonly retryAfterMs: number
  /** The service refused it for coming too fast (HTTP 429), or asked to be left alone for a while. */
  readonly throttled: boolean

  constructor(
    message: string,
    options: {
      readonly retriable: boolean
      readonly retryAfterMs?: number
      readonly throttled?: boolean
      readonly cause?: unknown
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CallError'
    this.retriable = options.retriable
    this.retryAfterMs = options.retryAfterMs ?? 0
    this.throttled = options.throttled ?? this.retryAfterMs > 0
  }
}
