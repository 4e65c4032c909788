/**
 * One life of the process under load: broker in the folder, load, application. It dies by SIGKILL at the place it was told,
 * right after saying so on the pipe, or is killed by its parent; with rate 0 it processes what is there and closes.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Broker, Producer } from '../../src/core/broker.ts'
import { sluiceError } from '../../src/core/errors.ts'
import type { Failpoint, Failpoints } from '../../src/core/failpoint.ts'
import type { Logger } from '../../src/core/log.ts'
import { SILENT } from '../../src/core/log.ts'
import { createMetrics, type Metrics } from '../../src/core/metrics.ts'
import { type RunningApp, startApp } from '../../src/engine/runtime/app.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { systemDisk } from '../../src/platform/disk.ts'
import { createHttpClient } from '../../src/platform/http.ts'
import { systemRandom } from '../../src/platform/random.ts'
import { systemScheduler } from '../../src/platform/scheduler.ts'
import { chooseBackend } from '../../src/stores/index.ts'
import { type OpenBroker, openBroker } from './broker.ts'
import { PARTITIONS } from './load.ts'
import { Load, prepareTopics } from './feed.ts'
import { isInside } from './kills.ts'
import { APPLICATION, pipeline } from './pipeline.ts'
import { type Orders, writeReport } from './report.ts'

const SAMPLE_MS = 4
/** A place inside a transaction is waited for with calls pending; after this long any hit will do. */
const CHOOSY_MS = 4_000
/** Nothing was processed and nothing is pending for so long: the end of the input. */
const QUIET_MS = 1_500

const told = JSON.parse(process.argv[2]!) as Orders
const metricsOf: Metrics[] = []
let openTransactions = 0
let load: Load | undefined
let armedAt = Infinity

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function total(name: string): number {
  let sum = 0
  for (const metrics of metricsOf) {
    for (const sample of metrics.samples()) if (sample.name === name) sum += sample.value
  }
  return sum
}

function report(place: string): void {
  writeReport({
    place,
    records: total('process-total'),
    openTransactions,
    inFlight: total('in-flight-records'),
    acknowledged: load?.acknowledged ?? [],
  })
}

const failpoints: Failpoints = {
  hit(place: Failpoint) {
    const wanted = told.place
    if (wanted === undefined || performance.now() < armedAt) return undefined
    if (wanted.startsWith('abort.') && place === 'commit.acknowledged') {
      return Promise.reject(
        sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation: 'crash run', problem: 'fault put in' }),
      )
    }
    if (place !== wanted || !worthwhile(place)) return undefined
    report(place)
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  },
}

function worthwhile(place: string): boolean {
  if (!isInside(place) || performance.now() > armedAt + CHOOSY_MS) return true
  const transactional = told.guarantee === 'exactly-once'
  return (openTransactions > 0 || !transactional) && total('in-flight-records') > 0
}

/** The broker with an eye on transactions: open from the first acknowledged send to the end of commit, abort or init. */
function watched(broker: Broker): Broker {
  return {
    kind: broker.kind,
    admin: broker.admin,
    clusterId: () => broker.clusterId(),
    fetcher: (options) => broker.fetcher(options),
    producer: (options) => {
      const producer = broker.producer(options)
      return options.transactionalId === undefined ? producer : watchedProducer(producer)
    },
    join: (options) => broker.join(options),
    committedOffsets: (group) => broker.committedOffsets(group),
    close: () => broker.close(),
  }
}

function watchedProducer(inner: Producer): Producer {
  let open = false
  function become(next: boolean): void {
    if (open === next) return
    open = next
    openTransactions += next ? 1 : -1
    report(next ? 'transaction open' : 'transaction over')
  }
  async function then<T>(done: Promise<T>, next: boolean): Promise<T> {
    const result = await done
    become(next)
    return result
  }
  return {
    init: () => then(inner.init(), false),
    target: (topic, partition) => inner.target(topic, partition),
    buffer: () => inner.buffer(),
    send: (buffer) => then(inner.send(buffer), true),
    sendOffsets: (offsets, fence) => then(inner.sendOffsets(offsets, fence), true),
    commit: () => then(inner.commit(), false),
    abort: () => then(inner.abort(), false),
    close: () => inner.close(),
  }
}

/** Warnings go to standard error when asked for, to find out why a run failed. */
const log: Logger = process.env['CRASH_LOG'] === undefined ? SILENT : speaking()

function speaking(): Logger {
  const say = (fields: object, message: string): boolean =>
    process.stderr.write(`${JSON.stringify(fields)} ${message}\n`)
  return {
    debug: () => undefined,
    info: say,
    warn: say,
    error: say,
    child: () => speaking(),
  }
}

/** On Kafka a killed instance keeps its tasks for a session, and its transaction stays open until its time is up. */
const REAL_TIME = { sessionTimeoutMs: 3_000, heartbeatIntervalMs: 500, transactionTimeoutMs: 4_000 }

async function start(cluster: OpenBroker, state: string): Promise<RunningApp> {
  const metrics = createMetrics()
  metricsOf.push(metrics)
  const stateFolder = join(told.dir, state)
  mkdirSync(stateFolder, { recursive: true })
  const running = await startApp(pipeline(told.service).plan(), {
    stateFolder,
    // Small sends: the transaction is open nearly all the time, as under a load that fills buffers faster.
    settings: {
      guarantee: told.guarantee,
      sendBytes: 1,
      purgeIntervalMs: 3_000,
      freezeState: true,
      ...(told.bootstrap === undefined ? {} : REAL_TIME),
    },
    ports: {
      broker: watched(await cluster.connect()),
      clock: systemClock,
      scheduler: systemScheduler,
      random: systemRandom,
      disk: systemDisk,
      stores: await chooseBackend({ kind: told.store, disk: systemDisk }),
      http: createHttpClient({}),
      log,
      metrics,
      failpoints,
    },
  })
  running.ended.catch(failed)
  return running
}

function failed(error: unknown): never {
  console.error('the instance failed:', error)
  process.exit(2)
}

async function untilQuiet(running: RunningApp): Promise<void> {
  let seen = -1
  let since = performance.now()
  while (performance.now() - since < QUIET_MS) {
    await sleep(50)
    const now = total('process-total')
    const busy = !running.settled || total('in-flight-records') > 0
    if (now !== seen || busy) since = performance.now()
    seen = now
  }
}

/** A second instance joins, works for a moment and leaves: tasks are handed over both ways. */
async function comeAndGo(cluster: OpenBroker, first: RunningApp): Promise<void> {
  const second = await start(cluster, 'state-b')
  while (!second.settled || !first.settled) await sleep(10)
  await sleep(300)
  await second.close()
  while (!first.settled) await sleep(10)
}

async function main(): Promise<void> {
  const cluster = await openBroker(told, log)
  const client = await cluster.connect()
  await prepareTopics(client)
  load = await Load.open(client, told.seed)
  if (told.place?.startsWith('restore.') === true) armedAt = performance.now()
  const running = await start(cluster, 'state-a')
  while (!running.settled || !(await load.tableRead(APPLICATION))) await sleep(10)
  report('working')
  setInterval(() => report('sample'), SAMPLE_MS)
  if (told.rate === 0) {
    await untilQuiet(running)
    await running.close()
    await cluster.close()
    process.exit(0)
  }
  load.run(told.rate / PARTITIONS).catch(failed)
  await sleep(told.afterMs)
  armedAt = performance.now()
  report('armed')
  while (told.second) await comeAndGo(cluster, running)
}

await main()
