/** Which adapter of the broker stands behind an address: the embedded one, in memory or in a folder, or Kafka. */
import { join } from 'node:path'
import { openEmbedded } from '../brokers/embedded/cluster.ts'
import type { Compression } from '../brokers/record-batch/compress.ts'
import type { Broker } from '../core/broker.ts'
import type { Logger } from '../core/log.ts'
import { systemClock } from '../platform/clock.ts'
import { systemDisk } from '../platform/disk.ts'
import { systemRandom } from '../platform/random.ts'
import { bootstrapOf, brokerKind } from './broker-address.ts'

/** Where topics live, as settings and flags say. */
export interface BrokerPlace {
  /** `embedded` or `kafka://…`. Default `embedded`. */
  readonly broker?: string
  readonly brokerSecurity?: string
  readonly compression?: Compression
  /** Of the embedded broker; absent: in memory. */
  readonly folder?: string
}

/** A broker that is open, for as many clients as wanted. */
export interface OpenBroker {
  connect(): Broker
  close(): Promise<void>
}

/**
 * @throws SLUICE_FOLDER_LOCKED, SLUICE_DISK, SLUICE_SEGMENT_BROKEN of the embedded one; SLUICE_BROKER_UNAVAILABLE,
 * SLUICE_KAFKA_AUTHENTICATION, SLUICE_KAFKA_TLS of Kafka
 */
export function openBroker(place: BrokerPlace, log: Logger): Promise<OpenBroker> {
  const { broker = 'embedded' } = place
  return brokerKind(broker) === 'kafka' ? openKafka(broker, place, log) : openLocal(place.folder, log)
}

async function openLocal(folder: string | undefined, log: Logger): Promise<OpenBroker> {
  const base = { clock: systemClock, random: systemRandom, log }
  const disk = folder === undefined ? {} : { disk: systemDisk, folder: join(folder, 'broker') }
  const cluster = await openEmbedded({ ...base, ...disk })
  return {
    connect: () => cluster.connect({ clock: systemClock, random: systemRandom }),
    close: () => cluster.close(),
  }
}

/** Loaded only when wanted: most commands never need it. */
async function openKafka(
  broker: string,
  { brokerSecurity, compression }: BrokerPlace,
  log: Logger,
): Promise<OpenBroker> {
  const [{ connectKafka }, { readSecurity }] = await Promise.all([
    import('../brokers/kafka/index.ts'),
    import('./kafka-security.ts'),
  ])
  const connection = await connectKafka({
    bootstrap: bootstrapOf(broker),
    clientId: 'sluice',
    clock: systemClock,
    random: systemRandom,
    log,
    ...(compression === undefined ? {} : { compression }),
    ...(brokerSecurity === undefined ? {} : { security: readSecurity(brokerSecurity) }),
  })
  return { connect: () => connection.share(), close: () => connection.close() }
}
