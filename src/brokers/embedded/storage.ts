/** What an embedded cluster keeps of itself: in a folder for the next process, in memory for nobody. */
import type { TopicDescription } from '../../core/broker.ts'
import type { PartitionLog } from './partition-log.ts'
import type { ProducerIdStorage } from './producer-ids.ts'

export interface LogStorage extends ProducerIdStorage {
  readonly clusterId: string
  loadTopics(): Promise<readonly TopicDescription[]>
  /** Replaces the descriptions of all topics durably. @throws SLUICE_DISK */
  saveTopics(topics: readonly TopicDescription[]): Promise<void>
  /** @throws SLUICE_DISK, SLUICE_SEGMENT_BROKEN */
  openLog(topic: TopicDescription, partition: number): Promise<PartitionLog>
  /** Removes what is left of a topic whose logs are closed. */
  removeTopic(topic: TopicDescription): Promise<void>
  close(): Promise<void>
}
