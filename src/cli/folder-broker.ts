/** The broker of a folder for commands that look at topics without running an application. It never makes a folder by mistake. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openEmbedded } from '../brokers/embedded/cluster.ts'
import type { Broker, TopicDescription } from '../core/broker.ts'
import { sluiceError } from '../core/errors.ts'
import { systemClock } from '../platform/clock.ts'
import { systemDisk } from '../platform/disk.ts'
import { systemRandom } from '../platform/random.ts'
import { stderrLog } from './log.ts'

export interface FolderOptions {
  /** Makes the folder if there is none. Default false: a misspelt folder is an error, not an empty one. */
  readonly create?: boolean
}

/**
 * Opens the broker of a folder, hands it to `use`, and gives the folder back whatever happens.
 * @throws SLUICE_CONFIG_INVALID for a folder that holds no broker, SLUICE_FOLDER_LOCKED while an application uses it
 */
export async function withFolder<T>(
  folder: string | undefined,
  use: (broker: Broker) => Promise<T>,
  options: FolderOptions = {},
): Promise<T> {
  // Not `requiredOption`: commander would complain of that first, and hide `--foldr`.
  if (folder === undefined) {
    throw sluiceError('SLUICE_CONFIG_INVALID', { place: '--folder', expected: 'a folder', came: 'nothing' })
  }
  const place = join(resolve(folder), 'broker')
  if (options.create !== true && !existsSync(place)) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: '--folder',
      expected: 'a folder that `sluice run --folder` or `sluice topics create --folder` made',
      came: folder,
    })
  }
  // Timers of the ports never keep a process alive, and waiting for records is nothing but timers.
  const alive = setInterval(() => {}, 1 << 30)
  const base = { clock: systemClock, random: systemRandom }
  try {
    const cluster = await openEmbedded({ ...base, log: stderrLog('warn'), disk: systemDisk, folder: place })
    try {
      return await use(cluster.connect(base))
    } finally {
      await cluster.close()
    }
  } finally {
    clearInterval(alive)
  }
}

/** @throws SLUICE_TOPIC_MISSING with the names there are, the likeliest first */
export async function describeTopic(broker: Broker, topic: string): Promise<TopicDescription> {
  const [found] = await broker.admin.describeTopics([topic])
  if (found !== undefined) return found
  const existing = (await broker.admin.describeTopics()).map(({ name }) => name)
  throw sluiceError('SLUICE_TOPIC_MISSING', { topic, place: '', existing: existing.join(', ') || '(none)' })
}

/** First and next offset of each partition, as a reader of committed records sees them. */
export async function rangesOf(
  broker: Broker,
  { name, partitions }: TopicDescription,
): Promise<readonly Range[]> {
  const all = Array.from({ length: partitions }, async (_, partition) => ({
    partition,
    start: await broker.admin.listOffset(name, partition, 'earliest', 'read_committed'),
    end: await broker.admin.listOffset(name, partition, 'latest', 'read_committed'),
  }))
  return Promise.all(all)
}

export interface Range {
  readonly partition: number
  readonly start: number
  /** The next offset to be written; marks of transactions count too. */
  readonly end: number
}
