/**
 * Redis as a source: a text, a JSON document or a hash by its key, many keys in one `MGET`. The client reconnects by itself;
 * commands are not queued while it is away, so that a call fails and is tried again by the operator.
 */
import type { RedisClientType } from 'redis'
import {
  choiceField,
  countField,
  defineConfig,
  durationField,
  optional,
  textField,
} from '../../core/config.ts'
import type { ConfigSpec, Field } from '../../core/config.ts'
import type { Duration } from '../../core/duration.ts'
import { problemOf } from '../../core/errors.ts'
import { commonOptions, sourceSpec } from '../policy.ts'
import { untilAborted } from './abortable.ts'
import { loadDriver } from './driver.ts'
import { compileText } from './http-template.ts'
import { createLease } from './lease.ts'
import { sourceError } from './source-error.ts'
import type { Source, SourceOptions } from './source.ts'
import { namedWithoutSecrets } from './sql-url.ts'

export interface RedisOptions {
  /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. */
  readonly url: string
  /** Instead of the one in `url`. */
  readonly password?: string
  /** Limit of making a connection; default 5s. */
  readonly connectTimeout?: Duration
  /** Most commands under way or waiting on the one connection; default 100,000. */
  readonly maxCommands?: number
}

type RedisFields = {
  readonly url: Field<string>
  readonly password: Field<string | undefined>
  readonly connectTimeout: Field<number>
  readonly maxCommands: Field<number>
}

export const redisSpec: ConfigSpec<RedisFields> = defineConfig({
  url: textField({ doc: 'Address.', example: 'redis://cache.internal:6379', secret: true }),
  password: optional(textField({ doc: 'Password, instead of the one in url.', secret: true })),
  connectTimeout: durationField({ doc: 'Limit of connecting.', default: '5s' }),
  maxCommands: countField({ doc: 'Most commands under way or waiting.', default: 100_000, min: 1 }),
})

/** A Redis server to ask: one connection, shared by all sources and tasks that name it. */
export interface RedisConnection {
  /** For messages and as the endpoint of the circuit breaker: no password. */
  readonly name: string
  /** Runs commands on the connected client. Rejects with a CallError that says whether repeating may help. */
  run<Answer>(signal: AbortSignal, ask: (client: RedisCommands) => Promise<Answer>): Promise<Answer>
  hold(): void
  release(): void
  /** Closes the connection; a later call opens it again. Only for programs that ask without an application. */
  close(): Promise<void>
}

/** The commands the sources use. */
export interface RedisCommands {
  get(key: string): Promise<string | null>
  mGet(keys: readonly string[]): Promise<readonly (string | null)[]>
  hGetAll(key: string): Promise<Readonly<Record<string, string>>>
}

/**
 * A Redis server, for `redisGet` and `redisHash`. Connected at the first call, closed with the last task. A single server or a
 * proxy in front of several: it does not follow a cluster's redirections. Needs the package `redis` (`npm install redis`).
 * @example
 * import { redis, redisGet } from 'sluice/enrich'
 *
 * const cache = redis('redis://cache.internal:6379')
 * const score = redisGet<{ score: number }>(cache, 'score:{value.customer}', { as: 'json' })
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function redis(options: string | RedisOptions): RedisConnection {
  const settings = redisSpec.parse(typeof options === 'string' ? { url: options } : options, 'redis')
  const name = namedWithoutSecrets(settings.url, ['redis:', 'rediss:'], 'redis')
  const lease = createLease(
    () => open(settings, name),
    async (client) => client.destroy(),
  )
  return {
    name,
    async run(signal, ask) {
      try {
        return await untilAborted(
          signal,
          lease.use().then((client) => ask(commandsOf(client))),
        )
      } catch (error) {
        if (signal.aborted) throw error
        throw asCallError(name, error)
      }
    },
    hold: lease.hold,
    release: lease.release,
    close: lease.close,
  }
}

async function open(settings: ReturnType<typeof redisSpec.parse>, name: string): Promise<RedisClientType> {
  const { createClient } = await loadDriver(`redis(…) to ${name}`, 'redis', () => import('redis'))
  const { url, password, connectTimeout, maxCommands } = settings
  let opened = false
  const client = createClient({
    url,
    ...(password === undefined ? {} : { password }),
    // The operator asks again; what a queue of the client sends later nobody waits for.
    disableOfflineQueue: true,
    commandsQueueMaxLength: maxCommands,
    socket: {
      connectTimeout,
      // The first connection fails to whoever asks; a lost one comes back by itself.
      reconnectStrategy: (retries) => (opened ? Math.min(50 * 2 ** retries, 2000) : false),
    },
  })
  client.on('error', ignoreLost)
  await client.connect()
  opened = true
  return client
}

/** Calls under way are told; without a listener a lost connection would end the process. */
function ignoreLost(): void {}

function commandsOf(client: RedisClientType): RedisCommands {
  return {
    get: (key) => client.get(key),
    mGet: (keys) => client.mGet([...keys]),
    hGetAll: (key) => client.hGetAll(key),
  }
}

/** First words of answers after which the same command may succeed. */
const RETRIABLE = /^(?:BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|OOM|TRYAGAIN|READONLY)$/

function asCallError(name: string, error: unknown): Error {
  const { code } = error as { readonly code?: unknown }
  // An answer starts with its code in capitals; everything else is the connection.
  const answered = /^([A-Z]{2,}) /.exec(problemOf(error))?.[1]
  return sourceError(name, error, answered ?? code, answered === undefined || RETRIABLE.test(answered))
}

export interface RedisGetOptions extends SourceOptions {
  /** How the value is read; default `text`. */
  readonly as?: 'text' | 'json'
}

type GetFields = typeof sourceSpec.fields & { readonly as: Field<'text' | 'json'> }

export const redisGetSpec: ConfigSpec<GetFields> = defineConfig({
  as: choiceField(['text', 'json'], { doc: 'How the value is read.', default: 'text' }),
  ...sourceSpec.fields,
})

/**
 * The value of a key (`GET`; several records at once: `MGET`), null if there is none. Placeholders of the key: `{key}`,
 * `{value}`, `{value.field}`; without a value nothing is asked.
 * @example
 * import { redis, redisGet } from 'sluice/enrich'
 *
 * const name = redisGet(redis('redis://cache.internal:6379'), 'name:{value.customer}', { timeout: '100ms' })
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function redisGet<Answer = string>(
  connection: RedisConnection,
  key: string,
  options: RedisGetOptions = {},
): Source<Answer | null, unknown, string> {
  const place = `redisGet ${options.name ?? key}`
  const { as } = redisGetSpec.parse(options, place)
  const read = (text: string | null): Answer | null => readAs(connection.name, text, as) as Answer | null
  return {
    ...common(connection, key, options, place),
    call: async (one, { signal }) => read(await connection.run(signal, (client) => client.get(one))),
    async callMany(keys, { signal }) {
      const texts = await connection.run(signal, (client) => client.mGet(keys))
      return texts.map((text) => attempt(() => read(text)))
    },
  }
}

/**
 * All fields of a hash (`HGETALL`), null if it does not exist. Several records at once share one round trip.
 * @example
 * import { redis, redisHash } from 'sluice/enrich'
 *
 * const profile = redisHash<{ name: string; tier: string }>(redis('redis://cache.internal:6379'), 'profile:{key}')
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function redisHash<Answer = Readonly<Record<string, string>>>(
  connection: RedisConnection,
  key: string,
  options: SourceOptions = {},
): Source<Answer | null, unknown, string> {
  const place = `redisHash ${options.name ?? key}`
  sourceSpec.parse(options, place)
  const read = (fields: Readonly<Record<string, string>>): Answer | null =>
    Object.keys(fields).length === 0 ? null : ({ ...fields } as Answer)
  return {
    ...common(connection, key, options, place),
    call: async (one, { signal }) => read(await connection.run(signal, (client) => client.hGetAll(one))),
    callMany: (keys, { signal }) =>
      Promise.all(
        keys.map((one) =>
          connection
            .run(signal, (client) => client.hGetAll(one))
            .then(read, (error: unknown) => error as Error),
        ),
      ),
  }
}

type Common = Pick<
  Source<unknown, unknown, string>,
  'kind' | 'endpoint' | 'name' | 'options' | 'hold' | 'release' | 'request' | 'identity'
>

function common(connection: RedisConnection, key: string, options: SourceOptions, place: string): Common {
  const fill = compileText(key, (text) => text, `${place}: key`)
  return {
    kind: 'read',
    endpoint: connection.name,
    ...(options.name === undefined ? {} : { name: options.name }),
    options: commonOptions(options),
    hold: () => connection.hold(),
    release: () => connection.release(),
    request: fill,
    identity: (request) => request,
  }
}

function readAs(name: string, text: string | null, as: 'text' | 'json'): unknown {
  if (text === null || as === 'text') return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw sourceError(name, error, 'not JSON', false)
  }
}

/** What is wrong with one value must not spoil the others of a batch. */
function attempt<T>(read: () => T): T | Error {
  try {
    return read()
  } catch (error) {
    return error as Error
  }
}
