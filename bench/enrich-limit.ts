/**
 * How much of Little's limit (calls under way / mean latency) the whole path keeps: embedded broker in memory, one partition,
 * Zipf 1.0 over 10,000 keys, a service in the same process that answers by timer (median 50 ms, p99 200 ms), per order and
 * concurrency; and how many records a second it takes with a service that answers in the next turn.
 *
 *   node bench/enrich-limit.ts [--seconds 8] [--guarantee exactly-once] [--only key-100,key-500,zero]
 */
import { parseArgs } from 'node:util'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Broker } from '../src/core/broker.ts'
import { NO_FAILPOINTS } from '../src/core/failpoint.ts'
import { SILENT } from '../src/core/log.ts'
import { createMetrics } from '../src/core/metrics.ts'
import { NO_HEADERS } from '../src/core/record.ts'
import { openEmbedded } from '../src/brokers/embedded/cluster.ts'
import { startApp } from '../src/engine/runtime/app.ts'
import { source } from '../src/enrich/index.ts'
import type { OrderMode } from '../src/enrich/index.ts'
import { defineApp, json, string, topic } from '../src/index.ts'
import { systemClock } from '../src/platform/clock.ts'
import { systemDisk } from '../src/platform/disk.ts'
import { createHttpClient } from '../src/platform/http.ts'
import { systemRandom } from '../src/platform/random.ts'
import { systemScheduler } from '../src/platform/scheduler.ts'
import { memoryBackend } from '../src/stores/memory.ts'

const KEYS = 10_000
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    guarantee: { type: 'string', default: 'exactly-once' },
    only: { type: 'string' },
  },
})

interface Service {
  readonly ask: () => Promise<number>
  answered: number
  /** Sums of what calls took, and of what they were to take: the difference is what this process made them wait. */
  tookMs: number
  drawnMs: number
}

/** Standard normal by Box and Muller, from a generator with a seed. */
function normals(): () => number {
  let state = 42
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state + 0.5) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next())
}

function slowService(): Service {
  const normal = normals()
  const service: Service = {
    answered: 0,
    tookMs: 0,
    drawnMs: 0,
    ask: () =>
      new Promise((resolve) => {
        const from = performance.now()
        const drawn = 50 * Math.exp(0.596 * normal())
        setTimeout(() => {
          service.answered++
          service.tookMs += performance.now() - from
          service.drawnMs += drawn
          resolve(1)
        }, drawn)
      }),
  }
  return service
}

function nextTurnService(): Service {
  let waiting: ((answer: number) => void)[] = []
  const flush = (): void => {
    const due = waiting
    waiting = []
    service.answered += due.length
    for (const resolve of due) resolve(1)
  }
  const service: Service = {
    answered: 0,
    tookMs: 0,
    drawnMs: 0,
    ask: () =>
      new Promise((resolve) => {
        if (waiting.length === 0) setImmediate(flush)
        waiting.push(resolve)
      }),
  }
  return service
}

/** Keys by Zipf 1.0, by inversion of the harmonic sums. */
function zipfKeys(): () => string {
  const sums = new Float64Array(KEYS)
  let sum = 0
  for (let rank = 0; rank < KEYS; rank++) sums[rank] = sum += 1 / (rank + 1)
  let state = 7
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const wanted = ((state + 0.5) / 2 ** 32) * sum
    let [low, high] = [0, KEYS - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! < wanted) low = middle + 1
      else high = middle
    }
    return `key-${low}`
  }
}

async function fill(broker: Broker, records: number): Promise<void> {
  const key = zipfKeys()
  const producer = broker.producer({})
  await producer.init()
  const target = producer.target('in', 0)
  const text = 'x'.repeat(150)
  for (let at = 0; at < records;) {
    const buffer = producer.buffer()
    for (let left = 20_000; left > 0 && at < records; left--, at++)
      buffer.append(target, Buffer.from(key()), JSON.stringify({ id: at, text }), at, NO_HEADERS)
    await producer.send(buffer)
  }
  await producer.close()
}

const input = topic('in', { key: string, value: json<{ id: number; text: string }>() })
const output = topic('out', { key: string, value: json() })

async function run(
  service: Service,
  options: { readonly order: OrderMode; readonly concurrency: number },
  records: number,
): Promise<Seen> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const cluster = await openEmbedded({ clock: systemClock, random: systemRandom })
  const broker = cluster.connect({ clock: systemClock, random: systemRandom })
  const http = createHttpClient({})
  try {
    for (const name of ['in', 'out']) await broker.admin.createTopic({ name, partitions: 1 })
    await fill(broker, records)
    // Not coalesced: each record is a call, or the limit would say nothing.
    const ask = source(service.ask, { coalesce: false })
    const app = defineApp('bench', (flow) => {
      flow.stream(input).enrich({ ask }, options).to(output)
    })
    const running = await startApp(app.plan(), {
      stateFolder: folder,
      settings: { commitIntervalMs: 100, guarantee: values.guarantee as 'exactly-once' },
      ports: {
        broker,
        clock: systemClock,
        scheduler: systemScheduler,
        random: systemRandom,
        disk: systemDisk,
        stores: memoryBackend(),
        http,
        log: SILENT,
        metrics: createMetrics(),
        failpoints: NO_FAILPOINTS,
      },
    })
    const seen = await watch(service, records)
    await running.close()
    return seen
  } finally {
    await cluster.close()
    await http.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Seen {
  readonly rate: number
  readonly tookMs: number
  readonly drawnMs: number
  readonly cpu: number
}

/** Leaves out the first two seconds: filling the window and compiling are not what is measured. */
async function watch(service: Service, records: number): Promise<Seen> {
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
  await wait(2000)
  const before = { ...service }
  const [from, cpu] = [performance.now(), process.cpuUsage()]
  await wait(Number(values.seconds) * 1000)
  const done = service.answered - before.answered
  const seconds = (performance.now() - from) / 1000
  const used = process.cpuUsage(cpu)
  if (service.answered >= records) throw new Error(`the input of ${records} records was used up`)
  return {
    rate: done / seconds,
    tookMs: (service.tookMs - before.tookMs) / done,
    drawnMs: (service.drawnMs - before.drawnMs) / done,
    cpu: (used.user + used.system) / done,
  }
}

for (const concurrency of [100, 500]) {
  for (const order of ['none', 'key', 'partition'] as const) {
    if (values.only !== undefined && !values.only.split(',').includes(`${order}-${concurrency}`)) continue
    const records = Math.ceil((concurrency / 0.04) * (Number(values.seconds) + 4))
    const { rate, tookMs, drawnMs, cpu } = await run(slowService(), { order, concurrency }, records)
    const share = (ms: number): string => `${((100 * rate * ms) / (concurrency * 1000)).toFixed(1)} %`
    console.log(
      `${order.padEnd(10)} C=${concurrency}  ${Math.round(rate).toLocaleString('en').padStart(7)} rec/s  ` +
        `${share(drawnMs)} of the limit by drawn latency (${drawnMs.toFixed(1)} ms), ` +
        `${share(tookMs)} by observed (${tookMs.toFixed(1)} ms)  ${cpu.toFixed(0)} µs CPU a record`,
    )
  }
}
if (values.only === undefined || values.only.split(',').includes('zero')) {
  const records = 250_000 * (Number(values.seconds) + 3)
  const { rate, cpu } = await run(nextTurnService(), { order: 'key', concurrency: 500 }, records)
  console.log(
    `zero       C=500  ${Math.round(rate).toLocaleString('en').padStart(7)} rec/s  ${cpu.toFixed(2)} µs CPU a record`,
  )
}
