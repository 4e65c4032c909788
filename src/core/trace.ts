/** Port of traces: what was asked outside for one record, and how each attempt went. Absent where nobody collects them. */
import type { Headers } from './record.ts'

export interface Tracer {
  /**
   * Begins the span of a record.
   * @param headers of the record: a `traceparent` among them makes its sender the parent
   */
  start(name: string, headers: Headers, attributes: SpanAttributes): Span
}

export interface Span {
  /** A span within this one. */
  child(name: string, attributes: SpanAttributes): Span
  /** What makes the receiver of a request part of the trace: `traceparent` and company. */
  readonly headers: Readonly<Record<string, string>>
  /** Ends it, once. @param error why it did not succeed */
  end(error?: unknown): void
}

export type SpanAttributes = Readonly<Record<string, string | number>>
