/**
 * The chat room: a webhook that prints each message once and keeps it in a file, so that what was said in earlier runs counts in
 * the check as well. Posts repeated after a crash are known by their idempotency key.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ChatLine {
  readonly key: string
  readonly rating_id: number
  readonly text: string
}

export interface Chat {
  readonly url: string
  /** Different messages, of earlier runs too. */
  readonly messages: readonly ChatLine[]
  close(): Promise<void>
}

/** @param show called once for each new message */
export async function startChat(file: string, show: (text: string) => void): Promise<Chat> {
  const messages = linesOf(file)
  const known = new Set(messages.map(({ key }) => key))
  const take = (key: string, body: string): void => {
    if (known.has(key)) return
    const line = { key, ...(JSON.parse(body) as Omit<ChatLine, 'key'>) }
    // On disk before it is acknowledged: who was answered does not ask again.
    appendFileSync(file, `${JSON.stringify(line)}\n`)
    known.add(key)
    messages.push(line)
    show(line.text)
  }
  const server = createServer((request, response) => {
    readBody(request).then(
      (body) => {
        take(String(request.headers['idempotency-key']), body)
        response.writeHead(204).end()
      },
      () => response.writeHead(400).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/chat`,
    messages,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Whole lines only: a kill may have cut the last one, whose post was never acknowledged, and which is taken away. */
function linesOf(file: string): ChatLine[] {
  if (!existsSync(file)) return []
  const bytes = readFileSync(file)
  const whole = bytes.lastIndexOf('\n') + 1
  if (whole < bytes.length) truncateSync(file, whole)
  const lines = bytes.subarray(0, whole).toString('utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as ChatLine)
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}
