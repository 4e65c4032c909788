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
import { systemClock } from '../src/platform/clock.ts'
import { systemDisk } from '../src/platform/disk.ts'
import { createHttpClient } from '../src/platform/http.ts'
import { systemRandom } from '../src/platform/random.ts'
import { systemScheduler } from '../src/platform/scheduler.ts'
import { memoryBackend } from '../src/stores/memory.ts'
import { lmdbBackend } from '../src/stores/lmdb.ts'
import { sqliteBackend } from '../src/stores/sqlite.ts'
import {
  clickOf,
  customerOf,
  PARTITIONS,
  ratingFor,
  ratingText,
  USERS,
  VALUE_BYTES,
  WORKLOADS,
  type Workload,
} from './engine-workloads.ts'

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
