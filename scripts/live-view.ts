/**
 * Draws docs/images/live-view.svg: the live view of `sluice run --view` at one moment of a real run of the flights demo, with a
 * record nobody can read planted among the flights.
 *
 *   node --import ./scripts/from-source.ts scripts/live-view.ts
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRuntime, sqliteSource } from 'sluice/embed'
import type { Runtime } from 'sluice/embed'
import { airports, flightDelays } from '../examples/flights/app.ts'
import { fillAirports, readFlights, replayFlights } from '../examples/flights/data.ts'
import { startRebooking } from '../examples/flights/rebooking.ts'
import { startWebhook } from '../examples/flights/webhook.ts'
import { openLook } from '../src/cli/view/live.ts'
import { renderView } from '../src/cli/view/render.ts'
import { terminalSvg } from './terminal-svg.ts'

const COLUMNS = 84
const file = new URL('../docs/images/live-view.svg', import.meta.url)
const folder = mkdtempSync(join(tmpdir(), 'sluice-view-'))
const runtime = await openRuntime()
const [service, webhook] = await Promise.all([startRebooking(), startWebhook()])
try {
  writeFileSync(file, terminalSvg(await picture(), COLUMNS))
} finally {
  await runtime.close()
  await Promise.all([service.close(), webhook.close()])
  rmSync(folder, { recursive: true, force: true })
}

/** The view after some seconds of flights, with rates over two of them. */
async function picture(): Promise<string> {
  const table = join(folder, 'airports.db')
  fillAirports(table)
  const source = sqliteSource({
    file: table,
    table: 'airports',
    key: 'iata',
    updated: 'version',
    topic: airports.name,
  })
  await (
    await runtime.capture({ name: 'airports', source })
  ).reachedEnd
  const running = await runtime.start(flightDelays({ rebooking: service.url, webhook: webhook.url }))
  const look = await openLook(running, runtime)
  const flights = replayFlights(readFlights(20_000), 400_000)
  await runtime.capture({ name: 'flights', source: flights, pollIntervalMs: 25, batchRecords: 500 })
  await pause(1500)
  await plant(runtime, 'flights', '{"origin":"ATL",')
  await pause(2500)
  const before = look.sample()
  await pause(2000)
  const text = renderView(look.sample(), before, COLUMNS)
  await look.close()
  return text
}

async function plant(on: Runtime, topic: string, value: string): Promise<void> {
  const producer = on.connect().producer({})
  await producer.init()
  const buffer = producer.buffer()
  buffer.append(producer.target(topic, 0), 'ATL', value, Date.now(), [])
  await producer.send(buffer)
  await producer.close()
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
