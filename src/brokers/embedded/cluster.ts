/**
 * The embedded broker: a whole Kafka-like cluster in this process, in memory or in a folder. `openEmbedded` is its only door;
 * every client, also in the same process, has a connection of its own.
 */
import type { Broker } from '../../core/broker.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Disk } from '../../core/disk.ts'
import type { Logger } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import { SILENT } from '../../core/log.ts'
import { isSluiceError, problemOf, sluiceError } from '../../core/errors.ts'
import { EmbeddedConnection } from './connection.ts'
import { openFolder } from './folder-storage.ts'
import { Groups } from './groups.ts'
import { memoryStorage } from './memory-storage.ts'
import { Offsets } from './offsets.ts'
import { ProducerIds } from './producer-ids.ts'
import { recover } from './recovery.ts'
import type { LogStorage } from './storage.ts'
import { OFFSETS_TOPIC, TRANSACTIONS_TOPIC, Topics } from './topics.ts'
import { Transactions } from './transactions.ts'

/** Retention and compaction look at the logs this often, as Kafka's cleaner does. */
const CLEAN_EVERY_MS = 30_000

/**
 * Configs of a topic that does not say otherwise. Records are kept for ever unless a topic asks for retention: Kafka's seven
 * days count from the record's own time, and would eat historical data half a minute after it was loaded.
 */
const TOPIC_DEFAULTS: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'max.message.bytes': '1048588',
}

export interface EmbeddedOptions {
  /** Clock of the cluster: session and transaction timeouts, retention. */
  readonly clock: Clock
  readonly random: Random
  /** Default: silent. */
  readonly log?: Logger
  /** Needed with `folder`. */
  readonly disk?: Disk
  /** Keeps everything in this folder, acknowledged = fsynced. Default: in memory, gone with the process. */
  readonly folder?: string
  /** Configs of topics that do not set them. Default: `cleanup.policy` delete, `retention.ms` -1 (kept for ever). */
  readonly defaults?: Readonly<Record<string, string>>
}

export interface ConnectOptions {
  /** Clock of the client: heartbeats and waiting. */
  readonly clock: Clock
  readonly random: Random
  readonly clientId?: string
}

export interface EmbeddedCluster {
  readonly clusterId: string
  /** A new client; closing it leaves the cluster and other clients alone. */
  connect(options: ConnectOptions): Broker
  /** One pass of retention and compaction now; it also runs by itself every 30 s. */
  clean(): Promise<void>
  /** Ends everything and releases the folder. Transactions left open are aborted at the next open. */
  close(): Promise<void>
}

/**
 * Opens an embedded cluster; with a folder, what was acknowledged before is there again.
 * @throws SLUICE_FOLDER_LOCKED, SLUICE_DISK, SLUICE_SEGMENT_BROKEN, SLUICE_CONFIG_INVALID
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedCluster> {
  const storage = await openStorage(options)
  const cluster = new Cluster(storage, options)
  try {
    await cluster.open()
  } catch (error) {
    await cluster.close()
    throw error
  }
  return cluster
}

async function openStorage({ random, disk, folder, log }: EmbeddedOptions): Promise<LogStorage> {
  if (folder === undefined) return memoryStorage(random)
  if (disk !== undefined) return openFolder(disk, folder, random, log ?? SILENT)
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: 'openEmbedded: disk',
    expected: 'a disk, since a folder is given',
    came: 'none',
  })
}

class Cluster implements EmbeddedCluster {
  readonly clusterId: string
  readonly #storage: LogStorage
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #topics: Topics
  #parts:
    | { readonly offsets: Offsets; readonly transactions: Transactions; readonly groups: Groups }
    | undefined
  #cleaner: Timer | undefined
  #cleaning: Promise<void> | undefined
  #closed = false

  constructor(storage: LogStorage, { clock, random, log, defaults }: EmbeddedOptions) {
    this.clusterId = storage.clusterId
    this.#storage = storage
    this.#clock = clock
    this.#random = random
    this.#logger = log ?? SILENT
    this.#topics = new Topics(storage, random, { ...TOPIC_DEFAULTS, ...defaults })
  }

  async open(): Promise<void> {
    const topics = this.#topics
    const clock = this.#clock
    await topics.open()
    const offsetsLog = topics.partition(OFFSETS_TOPIC, 0)
    const transactionsLog = topics.partition(TRANSACTIONS_TOPIC, 0)
    const offsets = new Offsets(offsetsLog, clock)
    const ids = new ProducerIds(this.#storage)
    const logger = this.#logger
    const transactions = new Transactions({ log: transactionsLog, offsetsLog, offsets, ids, clock, logger })
    await recover({ topics, offsets, offsetsLog, transactions, transactionsLog }, clock.now())
    this.#parts = { offsets, transactions, groups: new Groups(clock, this.#random, topics) }
    this.#scheduleCleaning()
  }

  connect({ clock }: ConnectOptions): Broker {
    const parts = this.#parts
    if (parts === undefined || this.#closed)
      throw sluiceError('SLUICE_CLOSED', { what: 'the embedded broker' })
    const { clusterId } = this
    const closed = (): boolean => this.#closed
    return new EmbeddedConnection({ ...parts, topics: this.#topics, clusterId, closed }, clock)
  }

  async clean(): Promise<void> {
    this.#cleaning ??= this.#topics.clean(this.#clock.now()).finally(() => (this.#cleaning = undefined))
    await this.#cleaning
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#cleaner?.cancel()
    this.#parts?.groups.close()
    this.#parts?.transactions.close()
    await this.#cleaning?.catch(() => undefined)
    try {
      await this.#topics.close()
    } finally {
      await this.#storage.close()
    }
  }

  #scheduleCleaning(): void {
    this.#cleaner = this.#clock.setTimer(CLEAN_EVERY_MS, () => {
      this.clean()
        .catch((error: unknown) => {
          const fields = { problem: problemOf(error), code: isSluiceError(error) ? error.code : undefined }
          this.#logger.error(fields, 'retention and compaction failed')
        })
        .finally(() => {
          if (!this.#closed) this.#scheduleCleaning()
        })
    })
  }
}
