/** Every setting of the engine with its default, in one place: a spec for people and the record the engine runs on. Nothing else has defaults of its own. */
import type { Clock, Scheduler } from '../../core/clock.ts'
import {
  choiceField,
  countField,
  defineConfig,
  durationField,
  flagField,
  lintUnknown,
  optional,
  textField,
} from '../../core/config.ts'
import type { ConfigSpec, Field, Parsed } from '../../core/config.ts'
import type { ErrorPolicy } from '../../core/error-handler.ts'
import type { Duration } from '../../core/duration.ts'
import type { Broker } from '../../core/broker.ts'
import type { Disk } from '../../core/disk.ts'
import type { Failpoints } from '../../core/failpoint.ts'
import type { HttpClient } from '../../core/http.ts'
import type { Secrets } from '../../core/secrets.ts'
import type { Logger } from '../../core/log.ts'
import type { Metrics } from '../../core/metrics.ts'
import type { Random } from '../../core/random.ts'
import type { StoreBackend } from '../../core/store.ts'
import type { Tracer } from '../../core/trace.ts'

export type Guarantee = 'exactly-once' | 'at-least-once'

/**
 * What an error does that repeating cannot cure: stops this instance, has its worker replaced again and again (with growing
 * waits), or stops every instance of the application. Kafka Streams: KIP-671.
 */
export type UncaughtErrorPolicy = 'stop-instance' | 'replace-worker' | 'stop-application'

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
  /** Least wall-clock time between two looks of a join for unmatched records whose window has closed, ms. Default 1,000. */
  readonly unmatchedIntervalMs: number
  /** Least wall-clock time between two looks of an aggregation (emit `final`) for closed windows, ms. Default 1,000. */
  readonly windowCloseIntervalMs: number
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
  /** Default `dead-letter` for all three. */
  readonly onDeserializeError: ErrorPolicy
  readonly onProcessingError: ErrorPolicy
  readonly onProductionError: ErrorPolicy
  /** Creates missing source and sink topics with this many partitions; 0 = a missing topic is an error. Default 0. */
  readonly createTopicPartitions: number
  /** Committed records of repartition topics are deleted this often, ms. Default 30,000. */
  readonly purgeIntervalMs: number
  /** Other instances that keep a copy of each task's state, so that one takes over at once. Default 0. */
  readonly standbyReplicas: number
  /** Local state of a task that went elsewhere is removed after so long, ms; 0: never. Default 600,000. */
  readonly stateCleanupDelayMs: number
  /** Workers of this instance: members of the group that share its tasks, on one event loop. Default 1. */
  readonly workers: number
  /** What an error that nobody handled does. Default `stop-instance`. */
  readonly onUncaughtError: UncaughtErrorPolicy
  /** First wait before a worker that failed for a passing reason starts anew, ms; doubles up to 30 times. Default 100. */
  readonly restartBackoffMs: number
}

/** The name a person writes for a setting: durations without their unit, which may then be `'2s'` as well as milliseconds. */
type Plain<Name> = Name extends `${infer Base}Ms` ? Base : Name

/** The settings of the engine as an application's configuration states them; all optional. */
export type EngineConfig = {
  readonly [Name in keyof EngineSettings as Plain<Name>]?: Name extends `${string}Ms`
    ? Duration
    : EngineSettings[Name]
}

export type EngineFields = {
  readonly [Name in keyof EngineSettings as Plain<Name>]: Field<
    Name extends 'deadLetterTopic' ? string | undefined : EngineSettings[Name]
  >
}

/** The one list of defaults. `deadLetterTopic` is the only one that depends on the application. */
export const engineSpec: ConfigSpec<EngineFields> = defineConfig<EngineFields>({
  guarantee: choiceField(['exactly-once', 'at-least-once'], {
    doc: 'What a crash may do: nothing visible, or repeat results.',
    default: 'exactly-once',
  }),
  commitInterval: durationField({ doc: 'Time between commits.', default: 100, example: '1s' }),
  slice: durationField({ doc: 'Longest processing turn.', default: 5 }),
  sliceRecords: countField({ doc: 'Most records of one task in one turn.', default: 500, min: 1 }),
  maxTaskIdle: durationField({
    doc: 'How long a task waits for an empty partition before it takes records of others.',
    default: 0,
  }),
  maxBufferedRecords: countField({
    doc: 'Records buffered per partition before it is paused.',
    default: 10_000,
    min: 1,
  }),
  sendBytes: countField({ doc: 'Output is sent before the commit once it is this large.', default: 1 << 20 }),
  maxUnsentBytes: countField({
    doc: 'Output of the next commit may grow to this while one is under way, then processing waits.',
    default: 16 << 20,
  }),
  maxDirtyBytes: countField({ doc: 'Updated state held before an early commit.', default: 64 << 20 }),
  cacheEntries: countField({ doc: 'Cached objects per store.', default: 100_000 }),
  freezeState: flagField({
    doc: 'Deep-freezes values handed to and from stores, so that a mutation throws where it happens.',
    default: false,
  }),
  holdTime: durationField({ doc: 'How long pending calls hold stream time back.', default: 2_000 }),
  unmatchedInterval: durationField({
    doc: 'Least time between two looks of a join of streams for unmatched records whose window has closed.',
    default: 1_000,
  }),
  windowCloseInterval: durationField({
    doc: 'Least time between two looks of a windowed aggregation with emit `final` for closed windows.',
    default: 1_000,
  }),
  sessionTimeout: durationField({
    doc: 'An instance that is silent for longer loses its tasks.',
    default: 45_000,
  }),
  heartbeatInterval: durationField({ doc: 'Sign of life to the group.', default: 3_000 }),
  transactionTimeout: durationField({
    doc: 'The broker aborts a transaction open for longer.',
    default: 10_000,
  }),
  offsetReset: choiceField(['earliest', 'latest'], {
    doc: 'Where to start without a committed offset.',
    default: 'earliest',
  }),
  deadLetterTopic: optional(
    textField({ doc: 'Takes refused records; default `<application>-dead-letters`.', example: 'refused' }),
  ),
  onDeserializeError: choiceField(['dead-letter', 'skip', 'fail'], {
    doc: 'What to do with a record that cannot be read.',
    default: 'dead-letter',
  }),
  onProcessingError: choiceField(['dead-letter', 'skip', 'fail'], {
    doc: 'What to do with a record whose processing throws.',
    default: 'dead-letter',
  }),
  onProductionError: choiceField(['dead-letter', 'skip', 'fail'], {
    doc: 'What to do with a record whose result cannot be serialised or is refused by its topic.',
    default: 'dead-letter',
  }),
  createTopicPartitions: countField({
    doc: 'Creates missing topics with so many partitions; 0: a missing topic is an error.',
    default: 0,
    max: 10_000,
  }),
  purgeInterval: durationField({
    doc: 'Committed records of repartition topics are deleted this often.',
    default: 30_000,
  }),
  standbyReplicas: countField({
    doc: "Other instances that keep a copy of each task's state, so that one takes over at once.",
    default: 0,
    max: 100,
  }),
  stateCleanupDelay: durationField({
    doc: 'Local state of a task that went to another instance is removed after so long; 0: never.',
    default: 600_000,
    example: '1h',
  }),
  workers: countField({
    doc: 'Members of the group in this instance, which share its tasks on one event loop; for more CPU start more instances.',
    default: 1,
    min: 1,
    max: 64,
  }),
  onUncaughtError: choiceField(['stop-instance', 'replace-worker', 'stop-application'], {
    doc: 'What an error does that repeating cannot cure: stops this instance, has its worker replaced, or stops all instances.',
    default: 'stop-instance',
  }),
  restartBackoff: durationField({
    doc: 'First wait before a worker that failed for a passing reason starts anew; doubles.',
    default: 100,
  }),
})

/** A parsed configuration under the engine's own names; other fields are left out. */
export function settingsFrom(parsed: Parsed<EngineFields>): Partial<EngineSettings> {
  return Object.fromEntries(
    Object.entries(engineSpec.fields)
      .map(
        ([name, { type }]) =>
          [type === 'duration' ? `${name}Ms` : name, parsed[name as keyof EngineFields]] as const,
      )
      .filter(([, value]) => value !== undefined),
  )
}

/** @throws SLUICE_CONFIG_UNKNOWN for a setting that does not exist: ignoring it would run with the default unnoticed */
export function engineSettings(application: string, given: Partial<EngineSettings> = {}): EngineSettings {
  const defaults = {
    ...settingsFrom(engineSpec.parse({}, 'defaults')),
    deadLetterTopic: `${application}-dead-letters`,
  } as EngineSettings
  lintUnknown(Object.keys(given), Object.keys(defaults), `settings of ${application}`)
  return { ...defaults, ...given }
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
  /** What requests refer to (`${env:…}`). Absent: references stand for themselves. */
  readonly secrets?: Secrets
  /** Absent where no traces are collected. */
  readonly tracer?: Tracer
  readonly log: Logger
  readonly metrics: Metrics
  readonly failpoints: Failpoints
}
