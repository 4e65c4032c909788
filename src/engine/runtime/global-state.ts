/**
 * Global tables of one instance: every partition of their topics read into memory, up to the end before the first task opens,
 * then kept up to date beside the tasks. Nothing in it belongs to a transaction of ours, so it outlives failed sessions; it
 * must never write, and never hold up a commit.
 */
import type { Fetched, FetchedBatch, Fetcher } from '../../core/broker.ts'
import { problemOf, sluiceError } from '../../core/errors.ts'
import type { Counter, Metrics } from '../../core/metrics.ts'
import { partitionId } from '../../core/record.ts'
import { GlobalStore, UnreadableGlobal } from '../state/global-store.ts'
import type { GlobalSpec } from '../topology/node.ts'
import type { Plan } from '../topology/plan.ts'
import type { TaskEnvironment } from './opened.ts'
import { inSlices } from './slices.ts'

/** How long one wait for records may last before the worker's state is looked at again, ms. */
const WAIT_MS = 100

/** Records between two looks at the clock. */
const RECORDS_PER_CLOCK_LOOK = 64

type GlobalEnvironment = Pick<TaskEnvironment, 'plan' | 'settings' | 'ports' | 'counts'>

/** What reads one global table. */
export interface GlobalTableReader {
  readonly spec: GlobalSpec
  readonly store: GlobalStore
  readonly dropped: Counter
}

/**
 * Opens the global tables and reads them to the end as of now: to the last stable offset, since a transaction that somebody
 * else leaves open must not keep this application from starting.
 * @param stopped asked while reading; when true this resolves early, with incomplete tables
 * @throws SLUICE_BROKER_UNAVAILABLE, SLUICE_CORRUPT_BATCH, SLUICE_DESERIALIZE (policy `fail`)
 */
export async function openGlobalState(
  environment: GlobalEnvironment,
  stopped: () => boolean,
): Promise<GlobalState> {
  const state = new GlobalState(environment)
  try {
    await state.bootstrap(stopped)
    return state
  } catch (error) {
    state.close()
    throw error
  }
}

export class GlobalState {
  /** By name. */
  readonly stores: ReadonlyMap<string, GlobalStore>
  /** A partition could not be read on: all tables must be opened anew. */
  failed = false
  readonly #environment: GlobalEnvironment
  readonly #fetcher: Fetcher | undefined
  readonly #tables: ReadonlyMap<string, GlobalTableReader>
  /** Fetched and not applied yet. */
  #waiting: Fetched[] = []
  /** Record of the first waiting batch to go on with. */
  #at = 0

  constructor(environment: GlobalEnvironment) {
    const { plan, ports, settings } = environment
    this.#environment = environment
    this.#tables = globalReaders(plan, settings.freezeState, ports.metrics)
    this.stores = new Map([...this.#tables.values()].map(({ spec, store }) => [spec.name, store]))
    // Most applications have no global table: they pay nothing.
    this.#fetcher =
      plan.globals.length === 0 ? undefined : ports.broker.fetcher({ isolation: 'read_committed' })
  }

  /** Called once, by `openGlobalState`. */
  async bootstrap(stopped: () => boolean): Promise<void> {
    const fetcher = this.#fetcher
    if (fetcher === undefined) return
    const { ports, settings } = this.#environment
    const behind = await this.#addPartitions(fetcher)
    const begun = ports.clock.monotonic()
    while (behind.size > 0 && !stopped()) {
      await fetcher.arrived(WAIT_MS)
      const fetched = fetcher.take()
      this.#waiting.push(...fetched)
      await inSlices(ports.clock, ports.scheduler, settings.sliceMs, (shouldYield) =>
        this.#apply(shouldYield),
      )
      for (const batch of fetched) {
        if (batch.kind !== 'records') continue
        const id = partitionId(batch.topic, batch.partition)
        if (batch.nextOffset >= (behind.get(id) ?? Infinity)) behind.delete(id)
      }
    }
    const ms = ports.clock.monotonic() - begun
    ports.log.debug({ tables: [...this.stores.keys()], ms }, 'global tables are complete')
  }

  /** Applies what arrived, for at most a slice. Returns whether there was anything. @throws as `openGlobalState` */
  receive(): boolean {
    if (this.#fetcher === undefined) return false
    if (this.#waiting.length === 0) this.#waiting.push(...this.#fetcher.take())
    if (this.#waiting.length === 0) return false
    const { clock } = this.#environment.ports
    const deadline = clock.monotonic() + this.#environment.settings.sliceMs
    this.#apply(() => clock.monotonic() >= deadline)
    return true
  }

  close(): void {
    this.#fetcher?.close()
    this.#waiting = []
  }

  /** Starts reading all partitions; answers with those that have something, and up to where. */
  async #addPartitions(fetcher: Fetcher): Promise<Map<string, number>> {
    const { ports, counts } = this.#environment
    const { admin } = ports.broker
    const behind = new Map<string, number>()
    for (const topic of this.#tables.keys()) {
      for (let partition = 0; partition < (counts.get(topic) ?? 0); partition++) {
        const start = await admin.listOffset(topic, partition, 'earliest', 'read_committed')
        const end = await admin.listOffset(topic, partition, 'latest', 'read_committed')
        fetcher.add(topic, partition, start)
        if (start < end) behind.set(partitionId(topic, partition), end)
      }
    }
    return behind
  }

  /** Resumable: false when `shouldYield()` asked to stop. */
  #apply(shouldYield: () => boolean): boolean {
    for (let batch = this.#waiting[0]; batch !== undefined; batch = this.#waiting[0]) {
      if (batch.kind === 'failed') throw this.#failure(batch.error)
      const table = this.#tables.get(batch.topic)!
      while (this.#at < batch.count) {
        applyGlobal(table, batch, this.#at++, this.#environment)
        if (this.#at % RECORDS_PER_CLOCK_LOOK === 0 && shouldYield()) return false
      }
      this.#waiting.shift()
      this.#at = 0
    }
    return true
  }

  /** Records that are gone from the log may have been deletions: only reading anew, before any task opens, is right. */
  #failure(error: Error & { readonly code: string }): Error {
    this.failed = true
    if (error.code !== 'SLUICE_OFFSET_OUT_OF_RANGE') return error
    return sluiceError(
      'SLUICE_BROKER_UNAVAILABLE',
      { operation: 'read a global table', problem: error.message },
      error,
    )
  }
}

/** Empty tables, by topic. */
export function globalReaders(
  plan: Plan,
  freeze: boolean,
  metrics: Metrics,
): ReadonlyMap<string, GlobalTableReader> {
  return new Map(
    plan.globals.map((spec) => {
      const dropped = metrics.counter('dropped-records-total', { task: 'global', node: spec.name })
      return [spec.topic, { spec, store: new GlobalStore(spec, freeze), dropped }]
    }),
  )
}

/** Applies one record to its table; one that can't be kept is counted. The test driver does it the same way. */
export function applyGlobal(
  table: GlobalTableReader,
  batch: FetchedBatch,
  index: number,
  {
    settings,
    ports,
  }: Pick<GlobalEnvironment, 'settings'> & {
    readonly ports: Pick<GlobalEnvironment['ports'], 'log'>
  },
): void {
  const outcome = table.store.apply(batch, index)
  if (outcome === 'applied') return
  const place = { topic: batch.topic, partition: batch.partition, offset: batch.offsetAt(index) }
  if (outcome instanceof UnreadableGlobal) {
    const { side, cause } = outcome
    const format = table.spec[side].format
    const details = { ...place, side, format, problem: problemOf(cause) }
    const error = sluiceError('SLUICE_DESERIALIZE', details, cause)
    if (settings.onDeserializeError === 'fail') throw error
    // No dead letter: every instance reads every record, each would write one.
    ports.log.warn({ table: table.spec.name, ...place }, `left out of a global table: ${error.message}`)
  }
  table.dropped.value++
}
