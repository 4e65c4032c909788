/** An embedded cluster for the tests of connect, and a naive reader of what is visible in a topic. */
import { openEmbedded } from '../../src/brokers/embedded/cluster.ts'
import type { EmbeddedCluster } from '../../src/brokers/embedded/cluster.ts'
import type { Broker } from '../../src/core/broker.ts'
import { systemDisk } from '../../src/platform/disk.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { systemRandom } from '../../src/platform/random.ts'

export function openCluster(folder?: string): Promise<EmbeddedCluster> {
  const base = { clock: systemClock, random: systemRandom }
  return openEmbedded(folder === undefined ? base : { ...base, disk: systemDisk, folder })
}

export function connect(cluster: EmbeddedCluster): Broker {
  return cluster.connect({ clock: systemClock, random: systemRandom })
}

export interface Visible {
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number
}

/** Everything read_committed shows of a topic now, per partition in offset order. */
export async function visible(broker: Broker, topic: string): Promise<readonly Visible[]> {
  const [description] = await broker.admin.describeTopics([topic])
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  const ends = new Map<number, number>()
  for (let partition = 0; partition < description!.partitions; partition++) {
    const end = await broker.admin.listOffset(topic, partition, 'latest', 'read_committed')
    if (end === 0) continue
    ends.set(partition, end)
    fetcher.add(topic, partition, 0)
  }
  const records: Visible[] = []
  while (ends.size > 0) {
    await fetcher.arrived(1000)
    for (const batch of fetcher.take()) {
      if (batch.kind === 'failed') throw batch.error
      for (let at = 0; at < batch.count; at++) {
        const [key, value] = [batch.keyAt(at), batch.valueAt(at)]
        records.push({ key: text(key), value: text(value), timestamp: batch.timestampAt(at) })
      }
      if (batch.nextOffset >= (ends.get(batch.partition) ?? 0)) ends.delete(batch.partition)
    }
  }
  fetcher.close()
  return records
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8')
}
