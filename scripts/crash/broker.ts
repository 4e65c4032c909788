/** The broker under a crash run: the embedded one in the folder of the run, or a real Kafka. */
import { join } from 'node:path'
import { openEmbedded } from '../../src/brokers/embedded/cluster.ts'
import { connectKafka } from '../../src/brokers/kafka/index.ts'
import type { Broker } from '../../src/core/broker.ts'
import type { Logger } from '../../src/core/log.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { systemDisk } from '../../src/platform/disk.ts'
import { systemRandom } from '../../src/platform/random.ts'

export interface BrokerPlace {
  readonly dir: string
  /** Addresses of Kafka; absent: embedded. */
  readonly bootstrap?: readonly string[]
}

export interface OpenBroker {
  /** A client of its own. */
  connect(): Promise<Broker>
  close(): Promise<void>
}

const base = { clock: systemClock, random: systemRandom }

export async function openBroker({ dir, bootstrap }: BrokerPlace, log: Logger): Promise<OpenBroker> {
  if (bootstrap !== undefined) {
    const clients: Broker[] = []
    return {
      async connect() {
        const client = await connectKafka({ ...base, log, bootstrap, clientId: 'crash' })
        clients.push(client)
        return client
      },
      async close() {
        await Promise.all(clients.map((client) => client.close()))
      },
    }
  }
  const cluster = await openEmbedded({ ...base, disk: systemDisk, folder: join(dir, 'broker'), log })
  return { connect: async () => cluster.connect(base), close: () => cluster.close() }
}
