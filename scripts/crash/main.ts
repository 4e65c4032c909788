/**
 * The kill harness: a real process under load is killed with SIGKILL again and again, at named places of the commit, of
 * restore and of revocation and at random instants; at last everything visible is compared with a naive recomputation.
 *
 *   npm run crash -- --kills 20 [--seed 1] [--guarantee exactly-once|at-least-once] [--store lmdb|sqlite] [--dir DIR] [--rate 800]
 *                    [--broker embedded|kafka] [--brokers 3]
 *
 * On Kafka (a real one, started here) instances also stand still for longer than their session, and brokers are killed: of
 * several, since a single Kafka 4.3 that is killed may forget to end an open transaction (docs/kafka-fit.md).
 *
 * The last line is the verdict; exit code 1 when anything was lost (or, exactly-once, doubled or wrong).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { parseArgs } from 'node:util'
import { seededRandom } from '../../src/testing/simulation/random.ts'
import { type Kafka, startKafka } from '../kafka/start.ts'
import { type Kill, killsOf, withFaults } from './kills.ts'
import { PARTITIONS } from './load.ts'
import type { Orders, Report } from './report.ts'
import type { ServiceStats } from './service.ts'
import { type Verdict, verify } from './verify.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    guarantee: { type: 'string', default: 'exactly-once' },
    store: { type: 'string', default: 'lmdb' },
    dir: { type: 'string' },
    rate: { type: 'string', default: '800' },
    broker: { type: 'string', default: 'embedded' },
    brokers: { type: 'string', default: '3' },
  },
})

/** A life that is not over by then hangs. */
const LIFE_MS = 90_000
/** Longer than the session and the transaction of an instance on Kafka. */
const PAUSE_MS = 6_000
/** Long enough for other brokers to take over. */
const BROKER_GONE_MS = 5_000
/** An instance goes on for so long after a fault. */
const RECOVER_MS = 6_000

interface Death {
  readonly kill: Kill
  readonly last: Report
  /** Calls that the service saw cut off. */
  readonly cut: number
}

const seed = whole('seed')
const kills = whole('kills')
const guarantee = oneOf('guarantee', ['exactly-once', 'at-least-once'] as const)
const store = oneOf('store', ['lmdb', 'sqlite'] as const)
const broker = oneOf('broker', ['embedded', 'kafka'] as const)
let kafka: Kafka | undefined
const dir = resolve(values.dir ?? mkdtempSync(join(tmpdir(), 'sluice-crash-')))
const acknowledged: number[] = Array.from({ length: PARTITIONS }, () => 0)

function whole(name: 'seed' | 'kills' | 'rate' | 'brokers'): number {
  const number = Number(values[name])
  if (Number.isInteger(number) && number >= 0) return number
  throw new Error(`--${name}: expected a whole number, got ${values[name]}`)
}

function oneOf<T extends string>(name: 'guarantee' | 'store' | 'broker', choices: readonly T[]): T {
  const found = choices.find((choice) => choice === values[name])
  if (found !== undefined) return found
  throw new Error(`--${name}: expected ${choices.join(' or ')}, got ${values[name]}`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function startService(): Promise<{ readonly url: string; readonly process: ChildProcess }> {
  const script = join(import.meta.dirname, 'service.ts')
  const child = spawn(process.execPath, [script, String(seed)], { stdio: ['pipe', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout }))
    return { url: `http://127.0.0.1:${line}`, process: child }
  throw new Error('the service did not start')
}

async function statsOf(url: string): Promise<ServiceStats> {
  return (await (await fetch(`${url}/stats`)).json()) as ServiceStats
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** What is done to an instance at work, until it is killed. */
async function strike(child: ChildProcess, { fault }: Kill, delayMs: number): Promise<void> {
  if (fault === 'paused') {
    child.kill('SIGSTOP')
    await pause(PAUSE_MS)
    child.kill('SIGCONT')
  } else if (fault === 'broker killed') {
    const struck = seededRandom(`broker ${seed} ${delayMs}`).int(0, whole('brokers') - 1)
    await kafka!.kill(struck)
    await pause(BROKER_GONE_MS)
    await kafka!.restart(struck)
  }
  await pause(delayMs + (fault === undefined ? 0 : RECOVER_MS))
  child.kill('SIGKILL')
}

/** One life, to its end. Resolves with the last line it wrote. */
async function live(
  orders: Orders,
  armed: (child: ChildProcess) => Promise<void> | undefined,
): Promise<Report> {
  const script = join(import.meta.dirname, 'instance.ts')
  const child = spawn(process.execPath, [script, JSON.stringify(orders)], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  })
  let last: Report | undefined
  let struck: Promise<void> | undefined
  let hangs = false
  const watchdog = setTimeout(() => {
    hangs = true
    child.kill('SIGKILL')
  }, LIFE_MS)
  const lines = createInterface({ input: child.stdio[3] as Readable })
  lines.on('line', (line) => {
    last = JSON.parse(line) as Report
    last.acknowledged.forEach((end, at) => (acknowledged[at] = Math.max(acknowledged[at]!, end)))
    if (last.place === 'armed') struck ??= armed(child)
  })
  const read = new Promise((done) => lines.on('close', done))
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) => {
    child.on('close', (...ended) => done(ended))
  })
  await read
  await struck
  clearTimeout(watchdog)
  if (hangs) throw new Error(`an instance hung; it last said ${JSON.stringify(last)}`)
  if (last === undefined || (signal !== 'SIGKILL' && code !== 0))
    throw new Error(`an instance ended by itself: code ${code}, signal ${signal}, ${JSON.stringify(last)}`)
  return last
}

function ordersFor(service: string, kill: Kill | undefined): Orders {
  const base = { dir, seed, guarantee, store, service, ...place() }
  if (kill === undefined) return { ...base, rate: 0, afterMs: 0, second: false }
  const { place: where, afterMs, second } = kill
  const told = { ...base, rate: whole('rate'), afterMs, second }
  return where === 'anytime' ? told : { ...told, place: where }
}

function place(): { readonly bootstrap?: readonly string[] } {
  return kafka === undefined ? {} : { bootstrap: kafka.bootstrap }
}

async function die(kill: Kill, service: string, delayMs: number): Promise<Death> {
  if (kill.loseState) rmSync(join(dir, 'state-a'), { recursive: true, force: true })
  const before = await statsOf(service)
  const last = await live(ordersFor(service, kill), (child) =>
    kill.place === 'anytime' ? strike(child, kill, delayMs) : undefined,
  )
  if (kill.place !== 'anytime' && last.place !== kill.place)
    throw new Error(`an instance should have died at ${kill.place} and last said ${JSON.stringify(last)}`)
  // The service sees the broken connections a moment later.
  await new Promise((done) => setTimeout(done, 20))
  return { kill, last, cut: (await statsOf(service)).cut - before.cut }
}

function counted({ last }: Death): boolean {
  return last.inFlight > 0 && (last.openTransactions > 0 || guarantee === 'at-least-once')
}

function lineOf(number: number, death: Death): string {
  const { kill, last } = death
  const orders = acknowledged.reduce((sum, end) => sum + end, 0)
  return [
    `kill ${String(number).padStart(3)}`,
    kill.place.padEnd(19),
    `orders ${String(orders).padStart(7)}`,
    `processed in this life ${String(last.records).padStart(6)}`,
    `open transactions ${last.openTransactions}`,
    `calls in flight ${String(last.inFlight).padStart(3)} (cut ${String(death.cut).padStart(3)})`,
    [kill.second ? 'two instances' : '', kill.loseState ? 'state lost' : '', kill.fault ?? '']
      .filter(Boolean)
      .join(', '),
  ].join('  ')
}

function table(deaths: readonly Death[]): void {
  say(`\n${'place'.padEnd(20)} kills  in a transaction with calls pending  calls in flight`)
  for (const [place, group] of Map.groupBy(deaths, ({ kill }) => kill.place)) {
    const inside = group.filter(counted).length
    const inFlight = group.reduce((sum, { last }) => sum + last.inFlight, 0)
    const columns = [
      String(group.length).padStart(5),
      String(inside).padStart(38),
      String(inFlight).padStart(16),
    ]
    say(`${place.padEnd(20)} ${columns.join(' ')}`)
  }
}

function summary(deaths: readonly Death[], stats: ServiceStats, verdict: Verdict): void {
  table(deaths)
  const inside = deaths.filter(counted).length
  const inFlight = deaths.reduce((sum, { last }) => sum + last.inFlight, 0)
  const share = deaths.length === 0 ? 0 : Math.round((inside / deaths.length) * 100)
  const where =
    guarantee === 'exactly-once' ? 'inside an open transaction with calls pending' : 'with calls pending'
  const repeated = stats.calls - stats.refused - stats.records
  say(`\n${inside} of ${deaths.length} kills (${share} %) ${where}`)
  say(`calls ${stats.calls}, records asked about ${stats.records}, refused (503) ${stats.refused}`)
  say(`repeated calls ${repeated}; calls in flight at the kills ${inFlight}, cut off ${stats.cut}`)
  for (const finding of verdict.findings) say(finding)
  say(`${verdict.inputs} orders, ${verdict.malformed} of them malformed`)
  say(`lost ${verdict.lost}, duplicated ${verdict.duplicated}, wrong ${verdict.wrong}`)
}

async function main(): Promise<void> {
  mkdirSync(dir, { recursive: true })
  say(`seed ${seed}, ${guarantee}, ${broker}, store ${store}, ${whole('rate')} orders/s, folder ${dir}`)
  const brokers = whole('brokers')
  if (broker === 'kafka')
    kafka = await startKafka({ brokers, config: { 'broker.session.timeout.ms': '3000' } })
  const service = await startService()
  const random = seededRandom(`instants ${seed}`)
  const deaths: Death[] = []
  try {
    const planned = killsOf(seed, kills)
    for (const kill of kafka === undefined ? planned : withFaults(planned)) {
      deaths.push(await die(kill, service.url, random.between(0, 400)))
      say(lineOf(deaths.length, deaths.at(-1)!))
    }
    await live(ordersFor(service.url, undefined), () => undefined)
    const exactly = guarantee === 'exactly-once'
    const verdict = await verify({ dir, seed, acknowledged, exactly, ...place() })
    summary(deaths, await statsOf(service.url), verdict)
    const failed = verdict.lost > 0 || (exactly && verdict.duplicated + verdict.wrong > 0)
    process.exitCode = failed ? 1 : 0
    if (values.dir === undefined && !failed) rmSync(dir, { recursive: true, force: true })
  } finally {
    service.process.stdin!.end()
    await kafka?.stop()
  }
}

await main()
