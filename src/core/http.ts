/** Port of HTTP: one request, one whole answer. It must not retry, follow redirects or interpret a status. */
import type { Bytes } from './record.ts'

export interface HttpClient {
  /**
   * Resolves with any status once the whole body was read; rejects when there was no answer (refused, reset, aborted,
   * body larger than the adapter allows). No time limit of its own besides connecting: the caller aborts.
   * Aborting `signal` closes the socket and rejects.
   */
  request(request: HttpRequest): Promise<HttpResponse>
  /** Ends every connection; requests under way reject. Called once by the owner, after the users of the client are closed. */
  close(): Promise<void>
}

export interface HttpRequest {
  readonly method: string
  /** `https://host:port`: what connections are pooled by. */
  readonly origin: string
  /** Path and query, encoded, starting with `/`. Sent as it is, never normalised. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Bytes | string
  readonly signal?: AbortSignal
}

export interface HttpResponse {
  readonly status: number
  /** Names in lower case; repeated headers are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Bytes
}
