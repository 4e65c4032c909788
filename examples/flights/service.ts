/**
 * The rebooking service of the demo: a process of its own, as slow and as unreliable as real ones are. Latency is lognormal with
 * a median of 50 ms and a 99th percentile of 200 ms; 2 % of the answers are 503. Both come from a seed.
 *
 *   node examples/flights/service.ts [port] [seed]
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const MEDIAN_MS = 50
/** 2.326 standard deviations above the median lies the 99th percentile. */
const SIGMA = Math.log(200 / MEDIAN_MS) / 2.326
const FAILURES = 0.02

const [port = '0', seed = '1'] = process.argv.slice(2)
const random = mulberry32(Number(seed))

const server = createServer((request, response) => {
  const [, path, origin = '', destination = ''] = (request.url ?? '').split('/')
  const failed = random() < FAILURES
  setTimeout(() => {
    if (path !== 'rebooking') response.writeHead(404).end()
    else if (failed) response.writeHead(503).end('overloaded')
    else response.writeHead(200, { 'content-type': 'application/json' }).end(offer(origin, destination))
  }, latency())
})
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address() as AddressInfo
  if (process.send === undefined) console.log(`rebooking service on http://127.0.0.1:${address.port}`)
  else process.send({ port: address.port })
})
// Whoever started it is gone: so is the service, whatever killed its parent.
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches every process of the terminal. The demo still needs answers while it stops, and ends this process itself.
if (process.send !== undefined) process.on('SIGINT', () => {})

function latency(): number {
  return MEDIAN_MS * Math.exp(SIGMA * normal())
}

/** Standard normal (Box and Muller). */
function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Depends on nothing but the route, so that asking twice gives the same answer. */
function offer(origin: string, destination: string): string {
  let hash = 7
  for (const letter of origin + destination) hash = (hash * 31 + letter.charCodeAt(0)) % 10_007
  const time = `${String(5 + (hash % 18)).padStart(2, '0')}:${String((hash % 12) * 5).padStart(2, '0')}`
  return JSON.stringify({ nextDeparture: time, seats: 1 + (hash % 9) })
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
