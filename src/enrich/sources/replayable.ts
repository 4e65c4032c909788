/**
 * Answers written down and given again: processing a topic anew then gives what it gave, without a single call. The tape is a
 * SQLite file. It holds answers only: what failed then fails on replay, and follows the fallback as it did.
 */
import { deserialize, serialize } from 'node:v8'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { choiceField, defineConfig, textField } from '../../core/config.ts'
import type { ConfigSpec, Field } from '../../core/config.ts'
import { createLease } from './lease.ts'
import { sourceError } from './source-error.ts'
import type { CallContext, Source } from './source.ts'

export interface ReplayOptions {
  /** Path of the tape, made when it is not there. Several sources and applications may share one. */
  readonly tape: string
  /**
   * `live` (default): asks, and records each answer. `recorded`: answers from the tape and never asks; what is not on it fails.
   * `fill`: answers from the tape what is on it, asks and records the rest.
   */
  readonly replay?: 'live' | 'recorded' | 'fill'
}

type ReplayFields = {
  readonly tape: Field<string>
  readonly replay: Field<'live' | 'recorded' | 'fill'>
}

export const replaySpec: ConfigSpec<ReplayFields> = defineConfig({
  tape: textField({ doc: 'Path of the tape, a SQLite file.', example: 'answers.sqlite' }),
  replay: choiceField(['live', 'recorded', 'fill'], {
    doc: 'Ask and record, answer from the tape only, or from the tape what is on it.',
    default: 'live',
  }),
})

/**
 * The same source with a tape. An answer is found by the place of its record (node, topic, partition, offset) and the request;
 * where calls were shared (cache, coalescing) by the request alone, the last answer to it. Answers keep dates, bigints, maps
 * and bytes.
 * @example
 * import { http, replayable } from 'sluice/enrich'
 *
 * const price = replayable(http<number>('https://prices.internal/{key}'), {
 *   tape: 'prices.sqlite',
 *   replay: process.env['REPLAY'] === 'yes' ? 'recorded' : 'live',
 * })
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function replayable<Answer, Value, Request>(
  source: Source<Answer, Value, Request>,
  options: ReplayOptions,
): Source<Answer, Value, Request> {
  const { tape: file, replay } = replaySpec.parse(options, 'replayable')
  const name = source.options?.name ?? source.name ?? source.endpoint ?? 'source'
  const lease = createLease(
    async () => new Tape(new (await import('node:sqlite')).DatabaseSync(file, { timeout: 2000 })),
    async (tape) => tape.close(),
  )
  const { callMany: _, ...single } = source
  return {
    // One by one: each answer is on the tape under the record it belongs to.
    ...single,
    hold(host) {
      lease.hold()
      if (replay !== 'recorded') source.hold?.(host)
    },
    release(host) {
      if (replay !== 'recorded') source.release?.(host)
      lease.release()
    },
    async call(request, context) {
      const tape = await lease.use()
      const identity = source.identity?.(request) ?? null
      const kept = replay === 'live' ? undefined : tape.find(name, context, identity)
      if (kept !== undefined) return kept.answer as Answer
      if (replay === 'recorded')
        throw sourceError(name, new Error(`no answer on the tape ${file}`), 'not recorded', false)
      const answer = await source.call(request, context)
      tape.keep(name, context, identity, answer)
      return answer
    },
  }
}

class Tape {
  readonly #database: DatabaseSync
  readonly #byRecord: StatementSync
  readonly #byRequest: StatementSync
  readonly #insert: StatementSync

  constructor(database: DatabaseSync) {
    this.#database = database
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    database.exec(
      `create table if not exists answers (
         record text primary key, source text not null, request text, at integer not null, answer blob not null
       ) without rowid;
       create index if not exists answers_by_request on answers (source, request, at)`,
    )
    this.#byRecord = database.prepare('select answer from answers where record = ?')
    this.#byRequest = database.prepare(
      'select answer from answers where source = ? and request = ? order by at desc, record desc limit 1',
    )
    this.#insert = database.prepare(
      'insert or replace into answers (record, source, request, at, answer) values (?, ?, ?, ?, ?)',
    )
  }

  find(
    source: string,
    { idempotencyKey }: CallContext,
    identity: string | null,
  ): { readonly answer: unknown } | undefined {
    const row =
      this.#byRecord.get(idempotencyKey) ??
      (identity === null ? undefined : this.#byRequest.get(source, identity))
    return row === undefined ? undefined : { answer: deserialize(row['answer'] as Uint8Array) as unknown }
  }

  keep(source: string, context: CallContext, identity: string | null, answer: unknown): void {
    this.#insert.run(context.idempotencyKey, source, identity, context.now(), serialize(answer))
  }

  close(): void {
    this.#database.close()
  }
}
