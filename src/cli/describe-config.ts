/** Every option of everything with its default, out of the specs themselves: `sluice explain --config`. */
import { sqliteSourceSpec } from '../connectors/sqlite/source.ts'
import { enrichSpec } from '../enrich/enrichment.ts'
import { sourceSpec } from '../enrich/policy.ts'
import { grpcSpec } from '../enrich/sources/grpc.ts'
import { httpSpec } from '../enrich/sources/http.ts'
import { kafkaRequestSpec } from '../enrich/sources/kafka.ts'
import { mysqlSpec } from '../enrich/sources/mysql.ts'
import { postgresSpec } from '../enrich/sources/postgres.ts'
import { redisGetSpec, redisSpec } from '../enrich/sources/redis.ts'
import { replaySpec } from '../enrich/sources/replayable.ts'
import { sqlSpec } from '../enrich/sources/sql.ts'
import { sqliteSpec } from '../enrich/sources/sqlite.ts'
import { workerSpec } from '../enrich/sources/worker.ts'
import { settingsSpec } from './settings/spec.ts'

interface Documented {
  document(): string
}

/** Markdown. */
export function describeConfig(): string {
  return [
    `# Settings of an application\n\n${settingsSpec.document()}\n`,
    `# enrich(sources, options)\n\n${enrichSpec.document()}\n`,
    `# Every source\n\n${sourceSpec.document()}\n`,
    ownOptions('http(url, options)', httpSpec),
    ownOptions('sql(connection, statement, options)', sqlSpec),
    `# postgres(options)\n\n${postgresSpec.document()}\n`,
    `# mysql(options)\n\n${mysqlSpec.document()}\n`,
    `# sqlite(options)\n\n${sqliteSpec.document()}\n`,
    `# redis(options)\n\n${redisSpec.document()}\n`,
    ownOptions('redisGet(connection, key, options)', redisGetSpec),
    ownOptions('grpc(options)', grpcSpec),
    ownOptions('kafkaRequest(requests, replies, options)', kafkaRequestSpec),
    ownOptions('inWorker(module, options)', workerSpec),
    `# replayable(source, options)\n\n${replaySpec.document()}\n`,
    `# sqliteSource(options)\n\n${sqliteSourceSpec.document()}\n`,
  ].join('\n')
}

/** Without what every source has. */
function ownOptions(title: string, spec: Documented): string {
  const [, , ...common] = sourceSpec.document().split('\n')
  const own = spec
    .document()
    .split('\n')
    .filter((row) => !common.includes(row))
  return `# ${title}\n\nAnd the options of every source.\n\n${own.join('\n')}\n`
}
