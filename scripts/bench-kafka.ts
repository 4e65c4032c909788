/**
 * Sluice against Kafka Streams on one real Kafka, in one run: each workload by turns, measured from outside by the same meter of
 * `../shared/bench`, whose method is described there. Prints ratios of medians; exits 1 when a run of ours wrote fewer results.
 *
 *   npm run bench:kafka -- S1 S2 [--repeats 3] [--records 1000000] [--guarantee exactly_once_v2] [--json]
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { NAMES } from '../bench/kafka/workloads.ts'
import { startKafka, whyNoKafka } from './kafka/start.ts'

/** One line of the meter. */
interface Measured {
  readonly workload: string
  readonly peer: string
  readonly guarantee: string
  readonly rate: number
  readonly rate_last_80pct: number
  readonly cpu_us_per_record: number
  readonly rss_peak_mb: number
  readonly startup_first_output_ms?: number
  readonly out_records?: number
  readonly foreign_cores: number
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    repeats: { type: 'string', default: '3' },
    records: { type: 'string', default: '1000000' },
    guarantee: { type: 'string', multiple: true, default: ['at_least_once', 'exactly_once_v2'] },
    json: { type: 'boolean', default: false },
  },
})

const peers = fileURLToPath(new URL('../../shared/bench', import.meta.url))
const program = fileURLToPath(new URL('../bench/kafka/program.ts', import.meta.url))
const names = positionals.length === 0 ? NAMES.filter((name) => name.startsWith('S')) : positionals

/** Runs a command of the peers' harness; its progress goes to standard error. */
function harness(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn(join(peers, 'run-all'), args, {
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...environment },
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`run-all ${args.join(' ')} ended with ${code}`)),
    )
  })
}

async function measure(work: string): Promise<readonly Measured[]> {
  const kafka = await startKafka({ heap: 1024, config: { 'group.initial.rebalance.delay.ms': '3000' } })
  const results = join(work, 'results.jsonl')
  const base = {
    BOOTSTRAP: kafka.bootstrap[0]!,
    RESULTS: results,
    WORK: work,
    RECORDS: values.records,
    THREADS: '1',
  }
  try {
    for (let round = 0; round < Number(values.repeats); round++) {
      for (const name of names) {
        for (const GUARANTEES of values.guarantee) {
          await harness([name], { ...base, GUARANTEES })
          const ours = ['exec', name, '--', process.execPath, program, name]
          await harness(ours, { ...base, GUARANTEES, PEER: 'sluice' })
        }
      }
    }
  } finally {
    await kafka.stop()
  }
  const lines = readFileSync(results, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Measured)
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

interface Ratio {
  readonly workload: string
  readonly guarantee: string
  readonly ours: number
  readonly theirs: number
  readonly throughput: number
  readonly warm: number
  readonly cpu: number
  readonly memory: number
  readonly firstOutput: number
  readonly outputs: readonly [ours: number, theirs: number]
  readonly foreignCores: number
}

function ratioOf(all: readonly Measured[], workload: string, guarantee: string): Ratio {
  const of = (peer: string, field: keyof Measured): number => {
    const lines = all.filter(
      (line) => line.workload === workload && line.guarantee === guarantee && line.peer === peer,
    )
    return median(lines.map((line) => Number(line[field] ?? Number.NaN)))
  }
  const ratio = (field: keyof Measured): number => of('sluice', field) / of('kafka-streams', field)
  return {
    workload,
    guarantee,
    ours: of('sluice', 'rate'),
    theirs: of('kafka-streams', 'rate'),
    throughput: ratio('rate'),
    warm: ratio('rate_last_80pct'),
    cpu: ratio('cpu_us_per_record'),
    memory: ratio('rss_peak_mb'),
    firstOutput: ratio('startup_first_output_ms'),
    outputs: [of('sluice', 'out_records'), of('kafka-streams', 'out_records')],
    foreignCores: Math.max(...all.map((line) => line.foreign_cores)),
  }
}

function print(ratios: readonly Ratio[]): void {
  console.log(
    `Medians of ${values.repeats} rounds by turns, ${values.records} records, one worker against one thread, same Kafka.\n` +
      'Ratios are Sluice to Kafka Streams: throughput and warm (last 80 %) higher is better, the others lower.\n',
  )
  console.log(
    '| workload | guarantee | records/s | theirs | throughput | warm | CPU | memory | first output | outputs |',
  )
  console.log('|---|---|---|---|---|---|---|---|---|---|')
  for (const { workload, guarantee, ours, theirs, outputs, ...ratio } of ratios) {
    const figures = [ratio.throughput, ratio.warm, ratio.cpu, ratio.memory, ratio.firstOutput]
    console.log(
      `| ${workload} | ${guarantee} | ${Math.round(ours)} | ${Math.round(theirs)} | ` +
        `${figures.map((figure) => figure.toFixed(2)).join(' | ')} | ${outputs.join(' / ')} |`,
    )
  }
  const foreign = Math.max(...ratios.map(({ foreignCores }) => foreignCores))
  console.log(
    `\nOther programs used up to ${foreign.toFixed(2)} cores meanwhile; above 0.2 only ratios mean anything.`,
  )
}

const problem = existsSync(peers) ? whyNoKafka() : `the peers are not at ${peers}`
if (problem !== undefined) {
  console.error(`bench:kafka needs Kafka and its peers: ${problem}`)
  process.exit(2)
}
const work = mkdtempSync(join(tmpdir(), 'sluice-bench-kafka-'))
// The meter does not count the processes named here as foreign.
mkdirSync(join(work, 'broker'))
writeFileSync(join(work, 'broker', 'pid'), '')
const all = await measure(work)
rmSync(work, { recursive: true, force: true })
const ratios = names.flatMap((name) => values.guarantee.map((guarantee) => ratioOf(all, name, guarantee)))
if (values.json) console.log(JSON.stringify(ratios))
else print(ratios)
if (ratios.some(({ outputs: [ours, theirs] }) => ours < theirs)) {
  console.error('fewer results than Kafka Streams: not comparable')
  process.exitCode = 1
}
