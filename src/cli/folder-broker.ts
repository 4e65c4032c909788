/**
 * The broker of a folder, or Kafka, for commands that look at topics without running an application. It never makes a folder
 * by mistake.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Broker, TopicDescription } from '../core/broker.ts'
import { sluiceError } from '../core/errors.ts'
import { brokerKind } from './broker-address.ts'
import { openBroker } from './brokers.ts'
import type { BrokerPlace } from './brokers.ts'
import { stderrLog } from './log.ts'

/** Where a command finds its topics, as its flags say. */
export type PlaceFlags = Pick<BrokerPlace, 'folder' | 'broker' | 'brokerSecurity'>

/** Adds the flags that say where topics are. */
export function addPlaceFlags(command: Command): Command {
  return command
    .option('--folder <dir>', 'the folder of `sluice run --folder`; no application may be using it')
    .option('--broker <address>', 'a Kafka cluster instead: kafka://host:port,…')
    .option('--broker-security <file>', 'YAML or JSON file with tls and sasl for Kafka')
}

export interface FolderOptions {
  /** Makes the folder if there is none. Default false: a misspelt folder is an error, not an empty one. */
  readonly create?: boolean
}

/**
 * Opens Kafka where an address is given, else the broker of the folder, hands it to `use`, and gives it back whatever happens.
 * @throws SLUICE_CONFIG_INVALID for a folder that holds no broker, SLUICE_FOLDER_LOCKED while an application uses it
 */
export async function withBroker<T>(
  place: PlaceFlags,
  use: (broker: Broker) => Promise<T>,
  options: FolderOptions = {},
): Promise<T> {
  const { folder, broker } = place
  if (broker !== undefined && broker !== 'embedded') {
    if (brokerKind(broker) !== undefined) return using(place, use)
    const expected = 'kafka://host:port,…'
    throw sluiceError('SLUICE_CONFIG_INVALID', { place: '--broker', expected, came: broker })
  }
  checkFolder(folder, options)
  return using({ folder: resolve(folder) }, use)
}

function checkFolder(folder: string | undefined, options: FolderOptions): asserts folder is string {
  // Not `requiredOption`: commander would complain of that first, and hide `--foldr`.
  if (folder === undefined) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: '--folder',
      expected: 'a folder, or --broker with the address of a Kafka cluster',
      came: 'nothing',
    })
  }
  const place = join(resolve(folder), 'broker')
  if (options.create !== true && !existsSync(place)) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: '--folder',
      expected: 'a folder that `sluice run --folder` or `sluice topics create --folder` made',
      came: folder,
    })
  }
}

async function using<T>(place: BrokerPlace, use: (broker: Broker) => Promise<T>): Promise<T> {
  // Timers of the ports never keep a process alive, and waiting for records is nothing but timers.
  const alive = setInterval(() => {}, 1 << 30)
  try {
    const opened = await openBroker(place, stderrLog('warn'))
    try {
      return await use(opened.connect())
    } finally {
      await opened.close()
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
