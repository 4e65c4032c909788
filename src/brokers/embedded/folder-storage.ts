/**
 * A cluster in a folder of one process: `cluster.json` (identity, reserved producer ids), `topics.json` (descriptions), and
 * `topics/<topic id>/<partition>/` with the segments. A folder under `topics` that no description names is removed on open.
 */
import type { TopicDescription } from '../../core/broker.ts'
import type { Disk, FolderLock } from '../../core/disk.ts'
import type { Logger } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import { problemOf, sluiceError } from '../../core/errors.ts'
import { FolderLog } from './folder-log.ts'
import type { PartitionLog } from './partition-log.ts'
import type { LogStorage } from './storage.ts'

const FORMAT = 1

interface Identity {
  readonly format: number
  readonly clusterId: string
  readonly nextProducerId: number
}

export class FolderStorage implements LogStorage {
  readonly clusterId: string
  readonly #disk: Disk
  readonly #folder: string
  readonly #lock: FolderLock
  readonly #logger: Logger
  #identity: Identity
  /** Descriptions as they were read or saved last. */
  #topics: readonly TopicDescription[] = []

  constructor(disk: Disk, folder: string, lock: FolderLock, logger: Logger, identity: Identity) {
    this.#disk = disk
    this.#folder = folder
    this.#lock = lock
    this.#logger = logger
    this.#identity = identity
    this.clusterId = identity.clusterId
  }

  async loadTopics(): Promise<readonly TopicDescription[]> {
    const path = `${this.#folder}/topics.json`
    const topics = (await readJson(this.#disk, path, isTopics)) ?? []
    this.#topics = topics
    const known = new Set(topics.map(({ topicId }) => topicId))
    for (const name of await this.#disk.list(this.#topicsFolder)) {
      if (!known.has(name)) await this.#disk.remove(`${this.#topicsFolder}/${name}`)
    }
    return topics
  }

  async saveTopics(topics: readonly TopicDescription[]): Promise<void> {
    const path = `${this.#folder}/topics.json`
    try {
      await this.#disk.replaceFile(path, toJson(topics))
    } catch (error) {
      // It may have been replaced all the same. The caller goes on with the old ones, and the next open must not remove
      // the records of a topic whose deletion was refused.
      await this.#disk.replaceFile(path, toJson(this.#topics)).catch(() => undefined)
      throw error
    }
    this.#topics = topics
  }

  async openLog({ topicId, name, config }: TopicDescription, partition: number): Promise<PartitionLog> {
    const folder = `${this.#topicsFolder}/${topicId}/${partition}`
    return FolderLog.open({ disk: this.#disk, folder, topic: name, partition, config, logger: this.#logger })
  }

  async removeTopic({ topicId }: TopicDescription): Promise<void> {
    await this.#disk.remove(`${this.#topicsFolder}/${topicId}`)
  }

  async reserveProducerIds(count: number): Promise<number> {
    const first = this.#identity.nextProducerId
    const identity = { ...this.#identity, nextProducerId: first + count }
    await saveIdentity(this.#disk, this.#folder, identity)
    this.#identity = identity
    return first
  }

  async close(): Promise<void> {
    await this.#lock.release()
  }

  get #topicsFolder(): string {
    return `${this.#folder}/topics`
  }
}

/**
 * Locks the folder and reads or makes its identity.
 * @throws SLUICE_FOLDER_LOCKED, SLUICE_DISK, SLUICE_SEGMENT_BROKEN when the identity cannot be read
 */
export async function openFolder(
  disk: Disk,
  folder: string,
  random: Random,
  logger: Logger,
): Promise<FolderStorage> {
  await disk.makeFolder(folder)
  const lock = await disk.lock(folder, 'embedded broker')
  try {
    let identity = await readJson(disk, identityPath(folder), isIdentity)
    if (identity === undefined) {
      // The identity is durable before any topic. A new one would give producer ids again that the logs know.
      if ((await disk.readFile(`${folder}/topics.json`)) !== undefined)
        throw broken(identityPath(folder), 'it is missing, and topics.json beside it is not')
      identity = { format: FORMAT, clusterId: random.uuid(), nextProducerId: 0 }
      await saveIdentity(disk, folder, identity)
    }
    return new FolderStorage(disk, folder, lock, logger, identity)
  } catch (error) {
    await lock.release()
    throw error
  }
}

function identityPath(folder: string): string {
  return `${folder}/cluster.json`
}

function saveIdentity(disk: Disk, folder: string, identity: Identity): Promise<void> {
  return disk.replaceFile(identityPath(folder), toJson(identity))
}

function toJson(content: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(content, undefined, 2)}\n`, 'utf8')
}

/** @throws SLUICE_SEGMENT_BROKEN: starting anew instead would hide all data of the folder */
async function readJson<T>(
  disk: Disk,
  path: string,
  fits: (content: unknown) => content is T,
): Promise<T | undefined> {
  const bytes = await disk.readFile(path)
  if (bytes === undefined) return undefined
  try {
    const content: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (fits(content)) return content
  } catch (error) {
    throw sluiceError('SLUICE_SEGMENT_BROKEN', { file: path, position: 0, problem: problemOf(error) }, error)
  }
  throw broken(path, `it is not what version ${FORMAT} of the embedded broker writes`)
}

function broken(file: string, problem: string): Error {
  return sluiceError('SLUICE_SEGMENT_BROKEN', { file, position: 0, problem })
}

function isIdentity(content: unknown): content is Identity {
  const { format, clusterId, nextProducerId } = (content ?? {}) as Partial<Record<keyof Identity, unknown>>
  return format === FORMAT && typeof clusterId === 'string' && Number.isSafeInteger(nextProducerId)
}

function isTopics(content: unknown): content is readonly TopicDescription[] {
  return Array.isArray(content) && content.every(isTopic)
}

function isTopic(content: unknown): content is TopicDescription {
  const topic = (content ?? {}) as Partial<Record<keyof TopicDescription, unknown>>
  const named = typeof topic.name === 'string' && typeof topic.topicId === 'string'
  return (
    named && Number.isInteger(topic.partitions) && typeof topic.config === 'object' && topic.config !== null
  )
}
