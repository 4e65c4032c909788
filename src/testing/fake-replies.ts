/** What a fake service does with a request, as data. */

/** An answer. */
export interface FakeAnswer {
  /** Default 200. */
  readonly status?: number
  /** Texts and bytes are sent as they are, `undefined` is an empty body, everything else is sent as JSON. */
  readonly body?: unknown
  /** Names in lower case. The content type is set by the body unless given. */
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds until it answers, by the clock of the service. Default 0. */
  readonly afterMs?: number
}

/** No answer: the connection breaks, or nothing ever comes. */
export interface FakeSilence {
  readonly silence: 'broken' | 'never'
  /** Milliseconds until it breaks. Default 0. */
  readonly afterMs?: number
}

/** One reply of a fake service. */
export type FakeReply = FakeAnswer | FakeSilence

/**
 * Answers with a status, 200 by default.
 * @example
 * import assert from 'node:assert/strict'
 * import { answers } from 'sluice/testing'
 *
 * assert.deepEqual(answers({ score: 1 }, { afterMs: 50 }), { body: { score: 1 }, afterMs: 50 })
 */
export function answers(body: unknown, options: Omit<FakeAnswer, 'body'> = {}): FakeAnswer {
  return { body, ...options }
}

/** Answers 429, with `Retry-After` in seconds unless that is left out. */
export function tooManyRequests(retryAfterSeconds?: number): FakeAnswer {
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  return { status: 429, headers }
}

/** Breaks the connection instead of answering. */
export function breaksConnection(afterMs: number = 0): FakeSilence {
  return { silence: 'broken', afterMs }
}

/** Takes the request and never answers: whoever asks has to give up by itself. */
export function neverAnswers(): FakeSilence {
  return { silence: 'never' }
}
