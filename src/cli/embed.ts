/**
 * Public door `sluice/embed`: run applications, sources and a broker inside a program of one's own.
 * @module sluice/embed
 */
export { loadConfig, start } from './start.ts'
export type { StartOptions } from './start.ts'
export type { Service } from './service.ts'
export type { Config } from './settings/spec.ts'
export type { AppState, StateListener } from '../engine/runtime/app-state.ts'
export { openRuntime } from './runtime.ts'
export type { Runtime, RuntimeOptions } from './runtime.ts'
export { follow, positionsOf } from './follow.ts'
export type { Followed, Follower, FollowOptions } from './follow.ts'
export { idle, inFlight, total } from './progress.ts'
export { sqliteSource } from '../connectors/sqlite/index.ts'
export type { SqliteSourceOptions } from '../connectors/sqlite/index.ts'
export type { SourceTask, SourceTaskOptions } from '../connect/index.ts'
export type { RecordSource, SourceBatch, SourceReader, SourceRecord, SourceTopic } from '../connect/index.ts'
export type { RunningApp } from '../engine/runtime/app.ts'
