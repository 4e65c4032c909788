/** A chat room's webhook as alerts would be posted to it; keeps the last messages and tells repeated posts by their key. */
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Webhook {
  readonly url: string
  /** Every post, repeated ones included. */
  readonly posts: number
  /** Different messages by their idempotency key. */
  readonly messages: number
  /** The newest last. */
  readonly last: readonly string[]
  close(): Promise<void>
}

const KEPT = 5

export async function startWebhook(): Promise<Webhook> {
  const seen = new Set<string>()
  const last: string[] = []
  let posts = 0
  const server = createServer((request, response) => {
    readBody(request).then(
      (body) => {
        posts++
        const key = String(request.headers['idempotency-key'])
        if (!seen.has(key)) last.push((JSON.parse(body) as { text: string }).text)
        if (last.length > KEPT) last.shift()
        seen.add(key)
        response.writeHead(204).end()
      },
      () => response.writeHead(400).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/chat`,
    get posts() {
      return posts
    },
    get messages() {
      return seen.size
    },
    last,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}
