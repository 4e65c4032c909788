/** Public door of connect: moving records from other systems into topics, exactly once. */
export { startSource } from './source-task.ts'
export type { SourceTask, SourceTaskOptions } from './source-task.ts'
export type { RecordSource, SourceBatch, SourceReader, SourceRecord, SourceTopic } from '../core/source.ts'
