/**
 * Whole frames: requests and responses with their headers, for both sides. The only door to the readers from outside:
 * what is malformed leaves here as one SluiceError.
 */
import { sluiceError } from '../../../core/errors.ts'
import type { SluiceError } from '../../../core/errors.ts'
import type { Bytes } from '../../../core/record.ts'
import type { Api, ServerApi } from './api.ts'
import { Malformed } from './malformed.ts'
import { apiVersionsApi } from './messages/api-versions.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/** Bytes of the size that stands before every frame. */
export const SIZE_BYTES = 4

export interface RequestHeader {
  readonly apiKey: number
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
}

/** A request with its size before it, as chunks for the socket. */
export function encodeRequest<RequestDraft>(
  api: Api<RequestDraft, unknown>,
  header: Omit<RequestHeader, 'apiKey'>,
  body: RequestDraft,
): readonly Bytes[] {
  return framed((output) => {
    output.int16(api.key)
    output.int16(header.version)
    output.int32(header.correlationId)
    // Never compact, in any version of the header: brokers must be able to read it before they know the version.
    output.string(header.clientId, false)
    if (header.version >= api.flexibleFrom) output.unsigned(0)
    writeBody(output, api, body, header.version)
  })
}

/** What does not fit the format at all (a text of 40 KB in an old version) is the caller's fault, and told as such. */
function writeBody<RequestDraft>(
  output: Writer,
  api: Api<RequestDraft, unknown>,
  body: RequestDraft,
  version: number,
): void {
  try {
    api.writeRequest(output, body, version)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw sluiceError(
      'SLUICE_INTERNAL',
      { place: `${api.name} version ${version}`, problem: error.message },
      error,
    )
  }
}

/** The correlation id of a response; its frame holds at least that. */
export function correlationIdOf(frame: Buffer): number {
  return frame.readInt32BE(0)
}

/**
 * The body of a response.
 * @param frame without the size
 * @param broker for the message of an error
 * @throws SLUICE_KAFKA_MALFORMED
 */
export function decodeResponse<Response>(
  api: Api<never, Response>,
  version: number,
  frame: Buffer,
  broker: string,
): Response {
  try {
    const input = new Reader(frame, 4)
    if (hasResponseTags(api, version)) input.skipTags()
    return api.readResponse(input, version)
  } catch (error) {
    throw malformed(error, broker, `${api.name} version ${version}`)
  }
}

/** ApiVersions is answered with the first header for ever: the client does not know yet what the broker speaks. */
function hasResponseTags(api: Pick<Api<never, unknown>, 'key' | 'flexibleFrom'>, version: number): boolean {
  return version >= api.flexibleFrom && api.key !== apiVersionsApi.key
}

/** What a reader threw, as an error of the table; anything else than malformed bytes is a bug and stays what it is. */
export function malformed(error: unknown, broker: string, operation: string): unknown {
  if (!(error instanceof Malformed)) return error
  return malformedFrame(broker, operation, error.message)
}

export function malformedFrame(broker: string, operation: string, problem: string): SluiceError {
  return sluiceError('SLUICE_KAFKA_MALFORMED', { broker, operation, problem })
}

// ---- the side of the broker

/** The header of a request, and a reader that stands behind it; `body` reads on. */
export function decodeRequestHeader(frame: Buffer): {
  readonly header: RequestHeader
  readonly input: Reader
} {
  const input = new Reader(frame)
  const header = {
    apiKey: input.int16(),
    version: input.int16(),
    correlationId: input.int32(),
    clientId: input.nullableString(false),
  }
  return { header, input }
}

/** The body of a request whose header was read. @throws Malformed */
export function decodeRequestBody<Request>(
  api: ServerApi<Request, never> & Pick<Api<never, unknown>, 'flexibleFrom'>,
  version: number,
  input: Reader,
): Request {
  if (version >= api.flexibleFrom) input.skipTags()
  return api.readRequest(input, version)
}

/** A response with its size before it, as chunks for the socket. */
export function encodeResponse<ResponseDraft>(
  api: ServerApi<unknown, ResponseDraft> & Pick<Api<never, unknown>, 'key' | 'flexibleFrom'>,
  version: number,
  correlationId: number,
  body: ResponseDraft,
): readonly Bytes[] {
  return framed((output) => {
    output.int32(correlationId)
    if (hasResponseTags(api, version)) output.unsigned(0)
    api.writeResponse(output, body, version)
  })
}

function framed(write: (output: Writer) => void): readonly Bytes[] {
  const output = new Writer()
  output.int32(0)
  write(output)
  const chunks = output.chunks()
  const first = chunks[0]!
  new DataView(first.buffer, first.byteOffset).setInt32(0, output.size - SIZE_BYTES)
  return chunks
}
