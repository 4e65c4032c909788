/**
 * The service that is asked, a process of its own: latency lognormal (median 50 ms, p99 200 ms), some 503, the answer a pure
 * function of the order. It counts calls per order; `GET /stats` tells. It ends when its standard input ends.
 */
import { createServer, type ServerResponse } from 'node:http'
import { seededRandom } from '../../src/testing/simulation/random.ts'
import { scoreOf } from './load.ts'

export interface ServiceStats {
  /** Requests received. */
  readonly calls: number
  /** Different orders asked about. */
  readonly records: number
  /** Answered with 503. */
  readonly refused: number
  /** The asker was gone before the answer. */
  readonly cut: number
}

const MEDIAN_MS = 50
/** ln(200 / 50) / 2.326: puts the 99th percentile at 200 ms. */
const SIGMA = 0.596
const REFUSED = 0.03

const random = seededRandom(`service ${process.argv[2] ?? '1'}`)
const callsOf = new Map<string, number>()
let calls = 0
let refused = 0
let cut = 0

function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

function answer(response: ServerResponse, status: number, content: unknown): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(content))
}

const server = createServer((request, response) => {
  const [, verb, id] = request.url!.split('/')
  if (verb === 'stats') {
    answer(response, 200, { calls, records: callsOf.size, refused, cut } satisfies ServiceStats)
    return
  }
  calls++
  callsOf.set(id!, (callsOf.get(id!) ?? 0) + 1)
  const refuse = random.chance(REFUSED)
  response.on('close', () => {
    if (!response.writableEnded) cut++
  })
  setTimeout(
    () => {
      if (refuse && !response.destroyed) refused++
      answer(response, refuse ? 503 : 200, { score: scoreOf(id!) })
    },
    MEDIAN_MS * Math.exp(SIGMA * normal()),
  )
})

server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the service has no port')
  process.stdout.write(`${address.port}\n`)
})
process.stdin.on('end', () => process.exit(0)).resume()
