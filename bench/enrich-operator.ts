/**
 * What the asynchronous operator itself costs: records a second through `enrichment` with a source that answers in a
 * later turn of the event loop, without network. Run: node bench/enrich-operator.ts
 */
import type { AsyncHost, AsyncOperator, AsyncOperatorFactory } from '../src/core/async-operator.ts'
import { SILENT } from '../src/core/log.ts'
import { createMetrics } from '../src/core/metrics.ts'
import { FlowRecord, NO_HEADERS } from '../src/core/record.ts'
import { enrichment, source } from '../src/enrich/index.ts'
import { systemClock } from '../src/platform/clock.ts'
import { systemRandom } from '../src/platform/random.ts'

const RECORDS = 1_000_000
const WARM_UP = 200_000
const KEYS = Array.from({ length: 10_000 }, (_, at) => `key-${at}`)

/** Answers all calls of a turn in the next one. */
function nextTurnSource(): (value: unknown) => Promise<unknown> {
  let waiting: (() => void)[] = []
  const flush = (): void => {
    const due = waiting
    waiting = []
    for (const resolve of due) resolve()
  }
  return (value) =>
    new Promise((resolve) => {
      if (waiting.length === 0) setImmediate(flush)
      waiting.push(() => resolve(value))
    })
}

async function pump(
  operator: AsyncOperator,
  host: AsyncHost & { settled: number },
  records: number,
): Promise<void> {
  host.settled = 0
  for (let at = 0; host.settled < records;) {
    while (at < records && !operator.full) {
      const key = KEYS[at % KEYS.length]!
      const value = { id: at }
      const record = new FlowRecord<unknown, unknown>(
        key,
        value,
        at,
        NO_HEADERS,
        't',
        0,
        at,
        undefined,
        undefined,
      )
      operator.admit({
        sequence: at,
        record,
        orderKey: key,
        deadline: host.clock.now() + 30_000,
        attempts: 0,
      })
      at++
    }
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

async function measure(name: string, factory: AsyncOperatorFactory): Promise<void> {
  const host = {
    node: 'bench',
    task: '0_0',
    clock: systemClock,
    random: systemRandom,
    log: SILENT,
    metrics: createMetrics(),
    settled: 0,
    settle() {
      this.settled++
    },
  }
  const operator = factory.open(host)
  await pump(operator, host, WARM_UP)
  const startCpu = process.cpuUsage()
  const start = performance.now()
  await pump(operator, host, RECORDS)
  const seconds = (performance.now() - start) / 1000
  const cpu = process.cpuUsage(startCpu)
  const micros = ((cpu.user + cpu.system) / RECORDS).toFixed(2)
  const rate = Math.round(RECORDS / seconds).toLocaleString('en')
  console.log(`${name.padEnd(34)} ${rate.padStart(10)} rec/s  ${micros} µs CPU a record`)
  operator.close()
}

const wide = { concurrency: 500 }
await measure('later turn, order key', enrichment(nextTurnSource(), wide))
await measure('later turn, order none', enrichment(nextTurnSource(), { ...wide, order: 'none' }))
await measure('later turn, order key-serial', enrichment(nextTurnSource(), { ...wide, order: 'key-serial' }))
await measure(
  'later turn, two sources',
  enrichment({ a: () => 1, b: nextTurnSource() }, { ...wide, order: 'none' }),
)
await measure(
  'synchronous, order key',
  enrichment((value: unknown) => value, wide),
)
await measure('cache hit, order key', enrichment(source(nextTurnSource(), { cache: '1h' }), wide))
