/**
 * Throughput of the whole path on the embedded broker in memory: RecordBatch bytes with CRC in, operators, RecordBatch bytes
 * with CRC out, 8 partitions, exactly-once with a commit each 100 ms, 200-byte JSON values. Prints its method and, per
 * workload, records/s (median of the rounds) and CPU per record; it fails when an output count is wrong.
 *
 *   npm run bench -- [--records 600000] [--rounds 3] [--only stateless,S3-dense] [--store memory|lmdb|sqlite]
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
import { partitionOf } from '../src/core/partitioner.ts'
import type { StoreBackend } from '../src/core/store.ts'
import { openEmbedded } from '../src/brokers/embedded/cluster.ts'
import { startApp } from '../src/engine/runtime/app.ts'
import { defineApp, json, string, topic, tumbling, type App } from '../src/index.ts'
import { int64 } from '../src/serdes/index.ts'
import { lateRating } from './late-ratings.ts'
import { systemClock } from '../src/platform/clock.ts'
import { systemDisk } from '../src/platform/disk.ts'
import { createHttpClient } from '../src/platform/http.ts'
import { systemRandom } from '../src/platform/random.ts'
import { systemScheduler } from '../src/platform/scheduler.ts'
import { memoryBackend } from '../src/stores/memory.ts'
import { lmdbBackend } from '../src/stores/lmdb.ts'
import { sqliteBackend } from '../src/stores/sqlite.ts'

interface Rating {
  rating_id: number
  user_id: number
  stars: number
  route_id: number
  rating_time: number
  channel: string
  message: string
}

interface Customer {
  id: number
  first_name: string
  last_name: string
  email: string
  club_status: string
}

interface Click {
  click_id: number
  user_id: number
  page: string
  click_time: number
  referrer: string
}

interface Workload {
  readonly name: string
  readonly aim: number
  readonly app: App
  /** Ratings as the peer's S3 has them, so many ms apart. */
  readonly stepMs?: number
  /** Half of the records are clicks; both halves are 1 ms apart. */
  readonly clicks?: boolean
  /** Records expected in `out`, or undefined when coalescing makes it vary (then between 1 and the input). */
  readonly outputs: (records: number) => number | undefined
  readonly table: boolean
}

const PARTITIONS = 8
const VALUE_BYTES = 200
const MESSAGE =
  'why is it so difficult to keep the bathrooms clean? peeved again, and the seat in front was broken as well'
const USERS = 10_000
const CHANNELS = ['web', 'iOS', 'android', 'iOS-test', 'web-test']

const ratings = topic('ratings', { key: string, value: json<Rating>() })
const customers = topic('customers', { key: string, value: json<Customer>() })
const clicks = topic('clicks', { key: string, value: json<Click>() })
/** Of the join of ratings with clicks. */
const WITHIN_MS = 10_000

const WORKLOADS: readonly Workload[] = [
  {
    name: 'stateless',
    aim: 300_000,
    table: false,
    outputs: (records) =>
      countWhere(records, (rating) => !rating.channel.endsWith('-test') && rating.stars >= 2),
    app: defineApp('bench-stateless', (flow) => {
      flow
        .stream(ratings)
        .filter((rating) => !rating.channel.endsWith('-test') && rating.stars >= 2)
        .mapValues(({ rating_id, user_id, stars, channel, message }) => ({
          rating_id,
          user_id,
          stars,
          channel,
          poor: stars < 3,
          message,
        }))
        .to(topic('out', { key: string, value: json() }))
    }),
  },
  {
    name: 'count',
    aim: 200_000,
    table: false,
    outputs: () => undefined,
    app: defineApp('bench-count', (flow) => {
      flow
        .stream(ratings)
        .groupByKey()
        .count()
        .toStream()
        .to(topic('out', { key: string, value: json<number>() }))
    }),
  },
  {
    name: 'join',
    aim: 150_000,
    table: true,
    outputs: (records) => records,
    app: defineApp('bench-join', (flow) => {
      flow
        .stream(ratings)
        .join(flow.table(customers), (rating, customer) => ({
          ...rating,
          first_name: customer.first_name,
          last_name: customer.last_name,
          club_status: customer.club_status,
        }))
        .to(topic('out', { key: string, value: json() }))
    }),
  },
  {
    name: 'pairs',
    aim: 60_000,
    table: false,
    clicks: true,
    outputs: pairsAmong,
    app: defineApp('bench-pairs', (flow) => {
      const attributed = (
        { rating_id, user_id, stars }: Rating,
        { click_id, page, referrer }: Click,
      ): object => ({ rating_id, click_id, user_id, stars, page, referrer })
      flow
        .stream(ratings)
        .join(flow.stream(clicks), attributed, { within: WITHIN_MS, grace: '60s', name: 'attributed' })
        .to(topic('out', { key: string, value: json() }))
    }),
  },
  windowsOf('S3-dense', 1, 107_000),
  windowsOf('S3-sparse', 100, 51_000),
]

/** Count per key in 1-minute windows, late records for 30 s; the aims are 1.5 and 10 times the peer's. */
function windowsOf(name: string, stepMs: number, aim: number): Workload {
  const app = defineApp(`bench-${name}`, (flow) => {
    flow
      .stream(ratings)
      .groupByKey()
      .windowedBy(tumbling('1m', { grace: '30s' }))
      .count({ name: 'per-minute' })
      .toStream()
      .selectKey((_, { key, start }) => `${key}@${start}`)
      .to(topic('out', { key: string, value: int64 }))
  })
  return { name, aim, table: false, stepMs, outputs: () => undefined, app }
}

function ratingOf(index: number): Rating {
  // A cheap mix of the index: the same records on every machine, keys spread over all users.
  const mixed = Math.imul(index ^ 0x9e3779b9, 0x85ebca6b) >>> 0
  return {
    rating_id: index,
    user_id: (mixed >>> 8) % USERS,
    stars: 1 + (mixed % 5),
    route_id: mixed % 9_000,
    rating_time: 1_700_000_000_000 + index * 100,
    channel: CHANNELS[(mixed >>> 4) % CHANNELS.length]!,
    message: '',
  }
}

function clickOf(index: number): Click {
  const mixed = Math.imul(index ^ 0x85ebca6b, 0x9e3779b9) >>> 0
  return {
    click_id: index,
    user_id: (mixed >>> 8) % USERS,
    page: `/products/${mixed % 9_000}`,
    click_time: 1_700_000_000_000 + index,
    referrer: MESSAGE,
  }
}

function denseRatingOf(index: number): Rating {
  return { ...ratingOf(index), rating_time: 1_700_000_000_000 + index }
}

/** Ratings and clicks of one user not more than WITHIN_MS apart, of half the records each. */
function pairsAmong(records: number): number {
  const clicked = Array.from({ length: USERS }, (): number[] => [])
  const half = records >> 1
  for (let index = 0; index < half; index++) clicked[clickOf(index).user_id]!.push(index)
  let pairs = 0
  for (let index = 0; index < half; index++)
    for (const at of clicked[ratingOf(index).user_id]!) if (Math.abs(at - index) <= WITHIN_MS) pairs++
  return pairs
}

/** A rating as it lies in the topic: exactly VALUE_BYTES of JSON, filled up by its message. */
function ratingText(rating: Rating): string {
  const missing = VALUE_BYTES - JSON.stringify(rating).length
  return JSON.stringify({ ...rating, message: MESSAGE.slice(0, missing) })
}

function countWhere(records: number, keep: (rating: Rating) => boolean): number {
  let count = 0
  for (let index = 0; index < records; index++) if (keep(ratingOf(index))) count++
  return count
}

async function fill(
  broker: Broker,
  name: string,
  records: number,
  recordOf: (index: number) => [string, string, number],
): Promise<void> {
  const producer = broker.producer({})
  await producer.init()
  const targets = Array.from({ length: PARTITIONS }, (_, partition) => producer.target(name, partition))
  for (let index = 0; index < records;) {
    const buffer = producer.buffer()
    for (let left = 20_000; left > 0 && index < records; left--, index++) {
      const [key, value, timestamp] = recordOf(index)
      const bytes = Buffer.from(key)
      buffer.append(targets[partitionOf(bytes, PARTITIONS)]!, bytes, value, timestamp, NO_HEADERS)
    }
    await producer.send(buffer)
  }
  await producer.close()
}

async function outputsOf(broker: Broker): Promise<number> {
  let total = 0
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const end = await broker.admin.listOffset('out', partition, 'latest', 'read_committed')
    let position = 0
    if (end === 0) continue
    fetcher.add('out', partition, 0)
    while (position < end) {
      await fetcher.arrived(1_000)
      for (const batch of fetcher.take()) {
        if (batch.kind === 'failed') throw batch.error
        total += batch.count
        position = batch.nextOffset
      }
    }
    fetcher.remove('out', partition)
  }
  fetcher.close()
  return total
}

/** Until the committed offsets of the group reach the end of every input partition. */
async function untilCommitted(broker: Broker, group: string, inputs: readonly string[]): Promise<void> {
  const ends = new Map<string, number>()
  for (const name of inputs) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      ends.set(
        `${name}-${partition}`,
        await broker.admin.listOffset(name, partition, 'latest', 'read_uncommitted'),
      )
    }
  }
  for (;;) {
    const committed = await broker.committedOffsets(group)
    const reached = new Map(
      committed.map(({ topic: name, partition, offset }) => [`${name}-${partition}`, offset]),
    )
    if ([...ends].every(([id, end]) => end === 0 || (reached.get(id) ?? 0) >= end)) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function round(
  workload: Workload,
  records: number,
  stores: StoreBackend,
): Promise<{ rate: number; cpu: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const cluster = await openEmbedded({ clock: systemClock, random: systemRandom })
  const broker = cluster.connect({ clock: systemClock, random: systemRandom })
  const http = createHttpClient({})
  try {
    for (const name of ['ratings', 'customers', 'clicks', 'out'])
      await broker.admin.createTopic({ name, partitions: PARTITIONS })
    const ofRatings = workload.clicks === true ? records >> 1 : records
    await fill(broker, 'ratings', ofRatings, (index) => {
      const rating = ratingFor(workload, index)
      return [String(rating.user_id), ratingText(rating), rating.rating_time]
    })
    if (workload.clicks === true)
      await fill(broker, 'clicks', ofRatings, (index) => {
        const click = clickOf(index)
        return [String(click.user_id), JSON.stringify(click), click.click_time]
      })
    if (workload.table)
      await fill(broker, 'customers', USERS, (id) => [String(id), JSON.stringify(customerOf(id)), 1])
    const cpu = process.cpuUsage()
    const begun = performance.now()
    const app = await startApp(workload.app.plan(), {
      stateFolder: folder,
      settings: { commitIntervalMs: 100, guarantee: 'exactly-once' },
      ports: {
        broker,
        clock: systemClock,
        scheduler: systemScheduler,
        random: systemRandom,
        disk: systemDisk,
        stores,
        http,
        log: SILENT,
        metrics: createMetrics(),
        failpoints: NO_FAILPOINTS,
      },
    })
    await Promise.race([
      app.ended,
      untilCommitted(broker, workload.app.name, ['ratings', 'customers', 'clicks']),
    ])
    const seconds = (performance.now() - begun) / 1000
    const used = process.cpuUsage(cpu)
    await app.close()
    check(workload, records, await outputsOf(broker))
    return { rate: records / seconds, cpu: (used.user + used.system) / records }
  } finally {
    await cluster.close()
    await http.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function ratingFor({ clicks: dense, stepMs }: Workload, index: number): Rating {
  if (stepMs === undefined) return dense === true ? denseRatingOf(index) : ratingOf(index)
  const { user, time } = lateRating(index, stepMs)
  return { ...ratingOf(index), user_id: user, rating_time: time }
}

function customerOf(id: number): Customer {
  return {
    id,
    first_name: `First${id}`,
    last_name: `Last${id}`,
    email: `customer${id}@example.com`,
    club_status: id % 3 === 0 ? 'platinum' : 'gold',
  }
}

function check(workload: Workload, records: number, outputs: number): void {
  const expected = workload.outputs(records)
  const right = expected === undefined ? outputs >= USERS && outputs <= records : outputs === expected
  if (!right)
    throw new Error(`${workload.name}: ${outputs} outputs, expected ${expected ?? `${USERS}..${records}`}`)
  process.stderr.write(`  ${workload.name}: ${outputs} outputs, as expected\n`)
}

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '600000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: WORKLOADS.map(({ name }) => name).join(',') },
    store: { type: 'string', default: 'memory' },
  },
})
const records = Number(values.records)
const backends: Readonly<Record<string, () => StoreBackend>> = {
  memory: memoryBackend,
  lmdb: lmdbBackend,
  sqlite: () => sqliteBackend({ disk: systemDisk }),
}
const backend = backends[values.store]
if (backend === undefined) throw new Error(`--store ${values.store}: expected memory, lmdb or sqlite`)
process.stdout.write(
  `embedded broker in memory, ${PARTITIONS} partitions, exactly-once, commit 100 ms, store ${values.store}, ` +
    `${VALUE_BYTES}-byte JSON, ${records} records preloaded, one process and thread; ` +
    `time from start of the application to the last offset committed, median of ${values.rounds} rounds; ` +
    `CPU of all threads of the process (compiler and garbage collector included)\n`,
)
for (const workload of WORKLOADS.filter(({ name }) => values.only.split(',').includes(name))) {
  const rounds: { rate: number; cpu: number }[] = []
  for (let left = Number(values.rounds); left > 0; left--)
    rounds.push(await round(workload, records, backend()))
  const rates = rounds.map(({ rate }) => rate).toSorted((a, b) => a - b)
  const median = rates[rates.length >> 1]!
  const cpus = rounds.map(({ cpu }) => cpu).toSorted((a, b) => a - b)
  process.stdout.write(
    `${workload.name.padEnd(10)} ${Math.round(median).toLocaleString('en')} records/s (min ${Math.round(rates[0]!)}, max ` +
      `${Math.round(rates.at(-1)!)}), ${cpus[rounds.length >> 1]!.toFixed(2)} µs CPU/record (min ${cpus[0]!.toFixed(2)}), aim ${workload.aim.toLocaleString('en')}: ` +
      `${median >= workload.aim ? 'reached' : 'missed'}\n`,
  )
}
