/**
 * What an API of Kafka is to the layers above: its number, the versions we speak, and codecs of both directions. The
 * instances are generated (`messages/`); here are only the types and the one runtime check they share.
 */
import { sluiceError } from '../../../core/errors.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** The side of an API that a client needs. `RequestDraft` is written, `Response` is read. */
export interface Api<RequestDraft, Response> {
  readonly name: string
  readonly key: number
  readonly minVersion: number
  /** The highest version a client may send; the codecs may know later ones that only brokers send each other. */
  readonly maxVersion: number
  /** Versions from here on have compact lengths, tagged fields and the later headers; Infinity where none has. */
  readonly flexibleFrom: number
  writeRequest(output: Writer, body: RequestDraft, version: number): void
  readResponse(input: Reader, version: number): Response
}

/** The other side, for a broker of our own. */
export interface ServerApi<Request, ResponseDraft> {
  readRequest(input: Reader, version: number): Request
  writeResponse(output: Writer, body: ResponseDraft, version: number): void
}

/** The message as it is written: `Optional` fields may be left out and stand for their default; `Nested` are drafts themselves. */
export type Draft<T, Optional extends keyof T, Nested = unknown> = Omit<T, Optional | keyof Nested> &
  Partial<Pick<T, Exclude<Optional, keyof Nested>>> &
  Nested

export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'

/**
 * A field was set that this version cannot say and that may not be dropped in silence: the other side would do
 * something else than was asked for.
 */
export function cannotSay(message: string, version: number, field: string): Error {
  return sluiceError('SLUICE_UNSUPPORTED', {
    what: `${field} of ${message}`,
    problem: `version ${version}, which the broker speaks, does not have it`,
    remedy: 'Use a newer broker, or do without what needs it.',
  })
}

/** A message while it is being read. */
export type Mutable<T> = { -readonly [Field in keyof T]: T[Field] }
