/**
 * The front door: everything an application imports from `sluice`, name by name.
 * @module sluice
 */
import { makeDefineApp } from './languages/dsl/app.ts'
import type { DefineApp } from './languages/dsl/app.ts'
import { writeLine } from './platform/stdout.ts'
import type { Serde } from './core/serde.ts'
import { int64, json, sessionWindowed, string, timeWindowed } from './serdes/index.ts'

export { topic } from './languages/dsl/topic.ts'
export { store } from './languages/dsl/store.ts'
export type { StoreOptions } from './languages/dsl/store.ts'
export { untilTimeLimit, untilWindowCloses } from './languages/dsl/suppress.ts'
export { hopping, session, sliding, tumbling, unlimited } from './languages/dsl/windows.ts'
export type { GraceOptions } from './languages/dsl/windows.ts'
export type {
  BufferOptions,
  CogroupOptions,
  Merging,
  Suppression,
  WindowedAggregateOptions,
  WindowedOptions,
} from './languages/dsl/window-options.ts'
export type { Windowed } from './core/windowed.ts'
export type { App, AppOptions, DefineApp } from './languages/dsl/app.ts'
export type { ErrorHandler, ErrorPolicy, FailedRecord, FailedStep } from './core/error-handler.ts'
export type {
  Cogrouped,
  Flow,
  Grouped,
  GroupedTable,
  Stream,
  Table,
  WindowedCogrouped,
  WindowedGrouped,
} from './languages/dsl/types.ts'
export type {
  AggregateOptions,
  AggregateTableOptions,
  Callback,
  DerivedTableOptions,
  EmitOptions,
  FixedKeyContext,
  FixedKeyProcessor,
  FixedKeyRecord,
  ForeignJoinOptions,
  GlobalJoinOptions,
  GlobalTable,
  JoinOptions,
  Named,
  Partitioner,
  PatternOptions,
  PrintOptions,
  ProcessContext,
  ProcessOptions,
  ProcessValuesOptions,
  ReduceTableOptions,
  RepartitionOptions,
  SourceTableOptions,
  StreamJoinOptions,
  TableOptions,
  ToChosenOptions,
  ToOptions,
  ToTableOptions,
  UserProcessor,
} from './languages/dsl/verb-options.ts'
export { json, string } from './serdes/index.ts'
export type { JsonOptions } from './serdes/index.ts'
export { FlowRecord } from './core/record.ts'
export type { Bytes, Header, Headers } from './core/record.ts'
export type { Serde } from './core/serde.ts'
export type { TimestampExtractor, Topic } from './core/topic.ts'
export type { Duration } from './core/duration.ts'
export { isSluiceError, SluiceError } from './core/errors.ts'
export type { ErrorCode } from './core/errors.ts'
export type { GlobalTableStore } from './engine/state/global-store.ts'
export type { KeyValueStore, TimestampedStore } from './engine/state/key-value.ts'
export type { Timestamped } from './engine/state/codec.ts'
export type { SessionStore, TimestampedWindowStore, WindowStore } from './engine/state/windowed-store.ts'
export type { Versioned, VersionedStore } from './engine/state/versioned-store.ts'
export { describe as describePlan, mermaid as mermaidPlan } from './engine/topology/describe.ts'
export type { Plan } from './engine/topology/plan.ts'

/**
 * Defines an application. Nothing runs yet: `sluice run`, `start` and `createDriver` run it.
 * @example
 * import { defineApp, json, string, topic } from 'sluice'
 *
 * const orders = topic('orders', { key: string, value: json<{ total: number }>() })
 * const big = topic('big-orders', { key: string, value: json<{ total: number }>() })
 *
 * export default defineApp('big-orders', (flow) => {
 *   flow
 *     .stream(orders)
 *     .filter((order) => order.total > 1000)
 *     .to(big)
 * })
 */
export const defineApp: DefineApp = makeDefineApp({
  json: json(),
  text: string,
  count: int64,
  windowed: (key, sizeMs): Serde<unknown> =>
    sizeMs === undefined ? sessionWindowed(key) : timeWindowed(key, sizeMs),
  print: writeLine,
})
