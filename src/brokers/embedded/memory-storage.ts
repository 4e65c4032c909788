/** Nothing is kept: the cluster and its identity end with the process. */
import type { Random } from '../../core/random.ts'
import { MemoryLog } from './memory-log.ts'
import type { LogStorage } from './storage.ts'

/** A new, empty cluster in memory. */
export function memoryStorage(random: Random): LogStorage {
  let nextProducerId = 0
  return {
    clusterId: random.uuid(),
    loadTopics: async () => [],
    saveTopics: async () => undefined,
    openLog: async ({ name, config }, partition) => new MemoryLog(name, partition, config),
    removeTopic: async () => undefined,
    close: async () => undefined,
    reserveProducerIds: async (count) => {
      const first = nextProducerId
      nextProducerId += count
      return first
    },
  }
}
