/** Tests against a real broker: skipped with a word where there can be none, failing in CI. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { beforeAll, inject, onTestFinished } from 'vitest'
import type { Kafka } from '../../../../scripts/kafka/start.ts'
import type { Cluster, ClusterOptions } from '../../../../src/brokers/kafka/cluster/cluster.ts'
import { connectCluster } from '../../../../src/brokers/kafka/cluster/connect.ts'
import { SILENT } from '../../../../src/core/log.ts'
import { systemClock } from '../../../../src/platform/clock.ts'
import { systemRandom } from '../../../../src/platform/random.ts'

/** What live tests know of the broker they share. */
export type LiveKafka = Pick<Kafka, 'bootstrap' | 'listeners' | 'certificates' | 'users'>

/** On a busy machine a broker takes its time; a test should not pay for it. */
const START_MS = 180_000

/**
 * Whether suites on the shared Kafka are left out, for `describe.skipIf`; it says so. If not, the broker is up before the
 * first test of the file. In CI leaving out is a failure: a suite that never runs proves nothing.
 */
export function noKafka(): boolean {
  if (isMissing()) return true
  beforeAll(sharedKafka, START_MS)
  return false
}

function isMissing(): boolean {
  const reason = inject('whyNoKafka')
  if (reason === '') return false
  if (process.env['CI'] === 'true') throw new Error(`tests on a real Kafka must run in CI: ${reason}`)
  console.log(`SKIPPED: there is no real Kafka for these tests: ${reason}`)
  return true
}

/** The same for suites that need a broker set up as ours is: its listeners, its settings, its ACLs. */
export function noKafkaOfOurs(): boolean {
  return !inject('kafkaIsOurs') || noKafka()
}

/** The same for suites of `npm run test:kafka` only, which may start brokers of their own. */
export function notInMatrix(): boolean {
  return !inject('kafkaMatrix') || !inject('kafkaIsOurs') || isMissing()
}

/** The broker that all live tests of this run share, started if it is not yet. Names must be the test's own. */
export async function sharedKafka(): Promise<LiveKafka> {
  const socket = connect(inject('kafkaPort'), '127.0.0.1')
  const answer = JSON.parse(await text(socket)) as LiveKafka & { readonly error?: string }
  if (answer.error !== undefined) throw new Error(answer.error)
  return answer
}

/** Ports and names that every connection of a test has. */
export const ports: Pick<ClusterOptions, 'clientId' | 'clock' | 'random' | 'log'> = {
  clientId: 'sluice-test',
  clock: systemClock,
  random: systemRandom,
  log: SILENT,
}

/** A connection that ends with the test. */
export async function connected(
  options: Partial<ClusterOptions> & Pick<ClusterOptions, 'bootstrap'>,
): Promise<Cluster> {
  const cluster = await connectCluster({ ...ports, ...options })
  onTestFinished(() => cluster.close())
  return cluster
}

/** A name nobody else uses: all tests share one broker. */
export function ownName(what: string): string {
  return `${what}-${systemRandom.uuid().slice(0, 8)}`
}
