/**
 * One workload on Kafka as the measuring program of `shared/bench` wants it: settings from BENCH_ variables, events on standard
 * output, until SIGTERM. It measures nothing itself.
 */
import { start } from '../../src/cli/embed.ts'
import { workload } from './workloads.ts'

const setting = (name: string, otherwise = ''): string => process.env[`BENCH_${name}`] ?? otherwise

function tell(event: string, details?: object): void {
  const text = details === undefined ? '' : ` ${JSON.stringify(details)}`
  process.stdout.write(`@${event} ${Date.now()}${text}\n`)
}

const name = process.argv[2] ?? ''
const topics = { in: setting('IN'), in2: setting('IN2'), table: setting('TABLE'), out: setting('OUT') }
const definition = workload(name.replace('-restore', ''), setting('GROUP', name), topics, () =>
  tell('first-record'),
)

const restore = { records: 0, from: Infinity, to: 0 }
const app = await start(definition, {
  broker: `kafka://${setting('BOOTSTRAP', '127.0.0.1:29092')}`,
  state: setting('STATE_DIR', 'state'),
  guarantee: setting('GUARANTEE') === 'exactly_once_v2' ? 'exactly-once' : 'at-least-once',
  commitInterval: Number(setting('COMMIT_MS', '1000')),
  signals: true,
  onState: (state) => {
    if (state !== 'running') return
    const ms = restore.to === 0 ? 0 : restore.to - restore.from
    tell('running', { restored: restore.records, restore_ms: ms })
  },
  onRestore: ({ phase, records }) => {
    if (phase === 'started') restore.from = Math.min(restore.from, Date.now())
    if (phase !== 'ended') return
    restore.records += records
    restore.to = Date.now()
  },
})
await app.ended
