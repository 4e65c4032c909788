/** A partition's log in memory: durable at once, gone with the process. The same rules as on disk. */
import type { Bytes } from '../../core/record.ts'
import type { BatchHeader } from '../record-batch/header.ts'
import { logConfig } from './log-config.ts'
import { MemorySegment } from './memory-segment.ts'
import type { Segment, SegmentStore } from './segment.ts'
import { SegmentedLog } from './segmented-log.ts'
import { NEW_LOG } from './segment.ts'

export class MemoryLog extends SegmentedLog {
  /**
   * @param config Kafka's topic configs
   * @throws SLUICE_CONFIG_INVALID
   */
  constructor(topic: string, partition: number, config: Readonly<Record<string, string>> = {}) {
    super({
      topic,
      partition,
      config: logConfig(topic, config),
      store: new MemoryStore(),
      segments: [],
      ...NEW_LOG,
    })
  }
}

class MemoryStore implements SegmentStore {
  readonly durable: number = Infinity
  #active: MemorySegment | undefined

  create(baseOffset: number): Segment {
    this.#active = new MemorySegment(baseOffset)
    return this.#active
  }

  append(batch: Bytes, header: BatchHeader): void {
    this.#active!.add(batch, header)
  }

  flushed(): Promise<void> {
    return Promise.resolve()
  }

  recent(): undefined {
    return undefined
  }

  replace(old: readonly Segment[], batches: readonly Bytes[]): Promise<Segment> {
    return Promise.resolve(new MemorySegment(old[0]!.baseOffset, batches))
  }

  remove(): Promise<void> {
    return Promise.resolve()
  }

  save(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
