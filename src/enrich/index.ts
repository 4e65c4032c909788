/**
 * Public door of enrichment: asking the outside world as an operator.
 * @module sluice/enrich
 */
export { enrichment } from './enrichment.ts'
export { grpc } from './sources/grpc.ts'
export { checked } from './sources/checked.ts'
export { http } from './sources/http.ts'
export { jsonSchema } from './sources/json-schema.ts'
export { kafkaRequest } from './sources/kafka.ts'
export { mysql } from './sources/mysql.ts'
export { postgres } from './sources/postgres.ts'
export { redis, redisGet, redisHash } from './sources/redis.ts'
export { replayable } from './sources/replayable.ts'
export { sql } from './sources/sql.ts'
export { sqlite } from './sources/sqlite.ts'
export { batchSource, source } from './sources/source.ts'
export { inWorker } from './sources/worker.ts'
export { CallError } from './call-error.ts'
export type { GrpcOptions } from './sources/grpc.ts'
export type { EnrichHttpRequest, HttpDefinition, HttpOptions } from './sources/http.ts'
export type { KafkaRequest } from './sources/kafka-client.ts'
export type { KafkaRequestOptions } from './sources/kafka.ts'
export type { MysqlOptions } from './sources/mysql.ts'
export type { PostgresOptions } from './sources/postgres.ts'
export type { RedisCommands, RedisConnection, RedisGetOptions, RedisOptions } from './sources/redis.ts'
export type { WorkerOptions } from './sources/worker.ts'
export type { WorkerRequest } from './sources/worker-pool.ts'
export type { ReplayOptions } from './sources/replayable.ts'
export type { SqlConnection, SqlRow } from './sources/sql-connection.ts'
export type { SqlOptions, SqlRequest } from './sources/sql.ts'
export type { SqliteOptions } from './sources/sqlite.ts'
export type {
  BatchContext,
  BatchFunction,
  CacheKey,
  CacheOptions,
  CallContext,
  FunctionOptions,
  Source,
  SourceFunction,
  SourceLike,
  SourceOptions,
} from './sources/source.ts'
export type { BatchOptions } from './batch-policy.ts'
export type { BreakerOptions } from './breaker-policy.ts'
export type { ConcurrencyOptions } from './concurrency-policy.ts'
export type { HedgeOptions } from './hedge-policy.ts'
export type { Quota } from './rate-limiter.ts'
export type { Rate, RateOptions } from './rate-policy.ts'
export type { RetryOptions } from './retry.ts'
export type { OrderMode } from './order.ts'
export type {
  Enriched,
  EnrichOptions,
  FallbackFunction,
  Fallbacks,
  InferAnswer,
  SourceMap,
  Sources,
} from './types.ts'
