/**
 * A broker on loopback whose every answer is written by the test, over the same codecs the other way round. For what a
 * real broker does not do on demand: silence, garbage, half an answer, old versions.
 */
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Api, ServerApi } from '../../../../src/brokers/kafka/protocol/api.ts'
import {
  decodeRequestBody,
  decodeRequestHeader,
  encodeResponse,
} from '../../../../src/brokers/kafka/protocol/message.ts'
import type { RequestHeader } from '../../../../src/brokers/kafka/protocol/message.ts'
import { apiVersionsApi } from '../../../../src/brokers/kafka/protocol/messages/api-versions.ts'
import type { Reader } from '../../../../src/brokers/kafka/protocol/reader.ts'

export interface Asked {
  readonly header: RequestHeader
  readonly socket: Socket
  /** Of how many connections this is the one, from 1. */
  readonly connection: number
  body<Request>(api: ServerApi<Request, never> & Pick<Api<never, unknown>, 'flexibleFrom'>): Request
  answer<Draft>(
    api: ServerApi<unknown, Draft> & Pick<Api<never, unknown>, 'key' | 'flexibleFrom'>,
    body: Draft,
  ): void
}

export interface FakeBroker {
  readonly address: string
  readonly port: number
  /** Names of the APIs asked for, in order. */
  readonly asked: readonly number[]
  connections(): number
  /** Ends all connections. */
  hangUp(): void
  close(): Promise<void>
}

/** APIs that a fake broker offers, unless the test answers ApiVersions itself. */
type Offer = readonly Pick<Api<never, unknown>, 'key' | 'minVersion' | 'maxVersion'>[]

/** Starts one that answers ApiVersions with `offer` and gives everything else to `handle`. */
export async function fakeBroker(offer: Offer, handle: (asked: Asked) => void): Promise<FakeBroker> {
  const sockets = new Set<Socket>()
  const askedKeys: number[] = []
  let connections = 0
  const server = createServer((socket) => {
    const connection = ++connections
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    eachFrame(socket, (frame) => {
      const { header, input } = decodeRequestHeader(frame)
      askedKeys.push(header.apiKey)
      const asked = exchange(header, input, socket, connection)
      if (header.apiKey === apiVersionsApi.key && offer.length > 0) answerVersions(asked, offer)
      else handle(asked)
    })
  })
  const hangUp = (): void => sockets.forEach((socket) => socket.destroy())
  const close = (): Promise<void> => {
    hangUp()
    return new Promise((resolve) => server.close(() => resolve()))
  }
  onTestFinished(close)
  const port = await listening(server)
  return {
    address: `127.0.0.1:${port}`,
    port,
    asked: askedKeys,
    connections: () => connections,
    hangUp,
    close,
  }
}

function exchange(header: RequestHeader, input: Reader, socket: Socket, connection: number): Asked {
  return {
    header,
    socket,
    connection,
    body: (api) => decodeRequestBody(api, header.version, input),
    answer(api, body) {
      for (const chunk of encodeResponse(api, header.version, header.correlationId, body)) socket.write(chunk)
    },
  }
}

function answerVersions(asked: Asked, offer: Offer): void {
  const apiKeys = [...offer, apiVersionsApi].map(({ key, minVersion, maxVersion }) => ({
    apiKey: key,
    minVersion,
    maxVersion,
  }))
  asked.answer(apiVersionsApi, { errorCode: 0, apiKeys })
}

function eachFrame(socket: Socket, handle: (frame: Buffer) => void): void {
  let bytes = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0)
      const frame = bytes.subarray(4, end)
      bytes = bytes.subarray(end)
      handle(frame)
    }
  })
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
