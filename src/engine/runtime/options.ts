/** Every setting of the engine with its default, in one place. Languages and the command line fill it; nothing else has defaults of its own. */
import type { Clock, Scheduler } from '../../core/clock.ts'
import { lintUnknown } from '../../core/config.ts'
import type { Broker } from '../../core/broker.ts'
import type { Disk } from '../../core/disk.ts'
import type { Failpoints } from '../../core/failpoint.ts'
import type { HttpClient } from '../../core/http.ts'
import type { Logger } from '../../core/log.ts'
import type { Metrics } from '../../core/metrics.ts'
import type { Random } from '../../core/random.ts'
import type { StoreBackend } from '../../core/store.ts'

export type Guarantee = 'exactly-once' | 'at-least-once'

/** What to do with a record that cannot be read or processed. */
export type ErrorPolicy = 'dead-letter' | 'fail'

export interface EngineSettings {
  /** Default `exactly-once`. */
  readonly guarantee: Guarantee
  /** Time between commits, ms. Default 100. */
  readonly commitIntervalMs: number
  /** Longest processing turn, ms. Default 5. */
  readonly sliceMs: number
  /** Most records of one task in one turn. Default 500. */
  readonly sliceRecords: number
  /** How long a task waits for an empty partition that is known to be caught up before it takes records of others. Default 0. */
  readonly maxTaskIdleMs: number
  /** Records buffered per partition before it is paused. Default 10,000. */
  readonly maxBufferedRecords: number
  /** Output is sent before the commit once it is this large, bytes. Default 1 MiB. */
  readonly sendBytes: number
  /** Output of the next generation may grow to this while a commit is under way, then processing waits. Default 16 MiB. */
  readonly maxUnsentBytes: number
  /** Updated state held before an early commit, bytes. Default 64 MiB. */
  readonly maxDirtyBytes: number
  /** Cached objects per store, entries. Default 100,000. */
  readonly cacheEntries: number
  /** Deep-freezes values handed to and from stores, so that a mutation throws where it happens. Default false; true in tests and dev. */
  readonly freezeState: boolean
  /** How long pending calls hold stream time back, ms. Default 2,000. */
  readonly holdTimeMs: number
  /** Group session, ms. Default 45,000. */
  readonly sessionTimeoutMs: number
  /** Default 3,000. */
  readonly heartbeatIntervalMs: number
  /** Default 10,000. */
  readonly transactionTimeoutMs: number
  /** Where to start without a committed offset. Default `earliest`. */
  readonly offsetReset: 'earliest' | 'latest'
  /** Default `<application>-dead-letters`. */
  readonly deadLetterTopic: string
  /** Default `dead-letter` for both. */
  readonly onDeserializeError: ErrorPolicy
  readonly onProcessingError: ErrorPolicy
  /** Creates missing source and sink topics with this many partitions; 0 = a missing topic is an error. Default 0. */
  readonly createTopicPartitions: number
  /** Committed records of repartition topics are deleted this often, ms. Default 30,000. */
  readonly purgeIntervalMs: number
  /** First wait before a worker that failed for a passing reason starts anew, ms; doubles up to 30 times. Default 100. */
  readonly restartBackoffMs: number
}

/** @throws SLUICE_CONFIG_UNKNOWN for a setting that does not exist: ignoring it would run with the default unnoticed */
export function engineSettings(application: string, given: Partial<EngineSettings> = {}): EngineSettings {
  const defaults = defaultSettings(application)
  lintUnknown(Object.keys(given), Object.keys(defaults), `settings of ${application}`)
  return { ...defaults, ...given }
}

function defaultSettings(application: string): EngineSettings {
  return {
    guarantee: 'exactly-once',
    commitIntervalMs: 100,
    sliceMs: 5,
    sliceRecords: 500,
    maxTaskIdleMs: 0,
    maxBufferedRecords: 10_000,
    sendBytes: 1 << 20,
    maxUnsentBytes: 16 << 20,
    maxDirtyBytes: 64 << 20,
    cacheEntries: 100_000,
    freezeState: false,
    holdTimeMs: 2_000,
    sessionTimeoutMs: 45_000,
    heartbeatIntervalMs: 3_000,
    transactionTimeoutMs: 10_000,
    offsetReset: 'earliest',
    deadLetterTopic: `${application}-dead-letters`,
    onDeserializeError: 'dead-letter',
    onProcessingError: 'dead-letter',
    createTopicPartitions: 0,
    purgeIntervalMs: 30_000,
    restartBackoffMs: 100,
  }
}

/** The outside world of one instance: every port, handed in by the composition root. */
export interface Ports {
  readonly broker: Broker
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly random: Random
  readonly disk: Disk
  readonly stores: StoreBackend
  readonly http: HttpClient
  readonly log: Logger
  readonly metrics: Metrics
  readonly failpoints: Failpoints
}
