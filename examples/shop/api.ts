/**
 * The API of profiles and vouchers: a process of its own, as slow as real ones are (a median of 30 ms), and broken while its parent
 * says so: then every answer is 503.
 *
 *   node examples/shop/api.ts 8803
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answerOf } from './answers.ts'

const MEDIAN_MS = 30

let broken = false

const server = createServer((request, response) => {
  const answer = answerOf(request.url ?? '')
  setTimeout(() => {
    if (broken) response.writeHead(503).end('down for maintenance')
    else if (answer === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  }, latency())
})
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  if (process.send === undefined) console.log(`shop API on http://127.0.0.1:${port}`)
  else process.send({ port })
})
process.on('message', (message) => {
  broken = (message as { broken: boolean }).broken
  process.send!({ broken })
})
// Whoever started it is gone: so is the API, whatever killed its parent.
process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches every process of the terminal. The demo still needs answers while it stops, and ends this process itself.
if (process.send !== undefined) process.on('SIGINT', () => {})

/** Lognormal (Box and Muller). */
function latency(): number {
  const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
  return MEDIAN_MS * Math.exp(0.5 * normal)
}
