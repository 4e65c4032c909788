/**
 * Request and reply over topics as a source: the request carries a correlation id and the name of the reply topic, the answer
 * is the reply with that id. Times out and survives restarts like any other call, since the record is in the ledger.
 */
import type { Broker } from '../../core/broker.ts'
import {
  countField,
  customField,
  defineConfig,
  durationField,
  optional,
  textField,
} from '../../core/config.ts'
import type { ConfigSpec, Field } from '../../core/config.ts'
import type { Duration } from '../../core/duration.ts'
import { SluiceError } from '../../core/errors.ts'
import type { FlowRecord } from '../../core/record.ts'
import type { Topic } from '../../core/topic.ts'
import { CallError } from '../call-error.ts'
import { commonOptions, kindField, sourceSpec } from '../policy.ts'
import { untilAborted } from './abortable.ts'
import { ReplyClient } from './kafka-client.ts'
import type { KafkaRequest, ReplyChannel } from './kafka-client.ts'
import { createLease } from './lease.ts'
import type { Lease } from './lease.ts'
import type { CallContext, Source, SourceOptions } from './source.ts'

export interface KafkaRequestOptions<Request = unknown> extends SourceOptions {
  /** Default `read`; `write` if the one who replies has effects: then one call of a key at a time. */
  readonly kind?: 'read' | 'write'
  /** What to ask: key and value of the request; `undefined`: nothing. Default: those of the record. */
  readonly request?: (
    value: never,
    key: never,
  ) => { readonly key?: unknown; readonly value: Request } | undefined
  /** Replies are looked for this far back when the application starts: at least as long as `deadline`. Default 1m. */
  readonly lookBack?: Duration
  /** Replies kept that nobody waits for yet (restored records); default 10,000, the oldest goes first. */
  readonly maxEarlyReplies?: number
  /** Header of request and reply; default `correlation-id`. Spring for Kafka: `kafka_correlationId`. */
  readonly correlationHeader?: string
  /** Header of the request with the topic to reply to; default `reply-topic`. Spring for Kafka: `kafka_replyTopic`. */
  readonly replyTopicHeader?: string
  /** A reply with this header is a refusal: the call fails with its text and is not tried again. Default `reply-error`. */
  readonly errorHeader?: string
}

type RequestFunction = (
  value: unknown,
  key: unknown,
) => { readonly key?: unknown; readonly value: unknown } | undefined

type KafkaFields = typeof sourceSpec.fields & {
  readonly kind: Field<'read' | 'write' | undefined>
  readonly request: Field<RequestFunction | undefined>
  readonly lookBack: Field<number>
  readonly maxEarlyReplies: Field<number>
  readonly correlationHeader: Field<string>
  readonly replyTopicHeader: Field<string>
  readonly errorHeader: Field<string>
}

export const kafkaRequestSpec: ConfigSpec<KafkaFields> = defineConfig({
  kind: kindField,
  request: optional(
    customField<RequestFunction>('function', { doc: 'Key and value of the request.' }, (came) =>
      typeof came === 'function' ? (came as RequestFunction) : undefined,
    ),
  ),
  lookBack: durationField({ doc: 'Replies are looked for this far back at the start.', default: '1m' }),
  maxEarlyReplies: countField({ doc: 'Replies kept that nobody waits for yet.', default: 10_000, min: 1 }),
  correlationHeader: textField({ doc: 'Header of request and reply.', default: 'correlation-id' }),
  replyTopicHeader: textField({ doc: 'Header with the topic to reply to.', default: 'reply-topic' }),
  errorHeader: textField({ doc: 'Header of a reply that is a refusal.', default: 'reply-error' }),
  ...sourceSpec.fields,
})

/**
 * A source that writes a request to one topic and waits for the reply on another. The id in the header is the same for every
 * attempt of a record, also after a restart: a reply that came meanwhile counts without asking again, and the one who replies
 * can tell a repeated request. Requests are written at once, outside of the transaction.
 * @example
 * import { json, string, topic } from 'sluice'
 * import { kafkaRequest } from 'sluice/enrich'
 *
 * const questions = topic('price-requests', { key: string, value: json<{ item: string }>() })
 * const answers = topic('price-replies', { key: string, value: json<{ price: number }>() })
 * const price = kafkaRequest(questions, answers, { timeout: '10s' })
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function kafkaRequest<Request, Answer>(
  requests: Topic<unknown, Request> | Topic<string, Request>,
  replies: Topic<unknown, Answer> | Topic<string, Answer>,
  options: KafkaRequestOptions<Request> = {},
): Source<Answer, unknown, KafkaRequest> {
  const settings = kafkaRequestSpec.parse(options, `kafkaRequest ${requests.name}`)
  const channel: ReplyChannel = {
    requests: requests,
    replies: replies,
    lookBackMs: settings.lookBack,
    maxEarly: settings.maxEarlyReplies,
    correlationHeader: settings.correlationHeader,
    replyTopicHeader: settings.replyTopicHeader,
    errorHeader: settings.errorHeader,
  }
  // One for each connection: several instances may run in one process.
  const leases = new WeakMap<Broker, Lease<ReplyClient>>()
  const leaseOf = (broker: Broker, now: () => number): Lease<ReplyClient> => {
    let lease = leases.get(broker)
    if (lease === undefined) {
      lease = createLease(
        () => ReplyClient.open(broker, channel, now),
        (client) => client.close(),
      )
      leases.set(broker, lease)
    }
    return lease
  }
  return {
    kind: settings.kind ?? 'read',
    endpoint: requests.name,
    ...(options.name === undefined ? {} : { name: options.name }),
    options: commonOptions(options),
    hold({ broker, clock }) {
      if (broker !== undefined) leaseOf(broker, () => clock.now()).hold()
    },
    release({ broker }) {
      if (broker !== undefined) leases.get(broker)?.release()
    },
    request: requestMaker(settings.request),
    async call(request, context) {
      try {
        return (await ask(leaseOf, request, context)) as Answer
      } catch (error) {
        throw asCallError(error)
      }
    },
  }
}

function requestMaker(
  make: RequestFunction | undefined,
): (value: unknown, key: unknown, record: FlowRecord) => KafkaRequest | undefined {
  return (value, key) => {
    if (make === undefined) return { key, value }
    const made = make(value, key)
    return made === undefined
      ? undefined
      : { key: made.key === undefined ? key : made.key, value: made.value }
  }
}

async function ask(
  leaseOf: (broker: Broker, now: () => number) => Lease<ReplyClient>,
  request: KafkaRequest,
  context: CallContext,
): Promise<unknown> {
  const { broker, signal, idempotencyKey, traceHeaders } = context
  const lease = leaseOf(broker, () => context.now())
  const client = await untilAborted(signal, lease.use())
  if (client.failed !== undefined) {
    // Whoever finds it broken makes room for a new one; the operator asks again.
    await lease.close()
    throw client.failed
  }
  return client.ask(idempotencyKey, request, traceHeaders, signal)
}

function asCallError(error: unknown): unknown {
  if (!(error instanceof SluiceError)) return error
  return new CallError(error.message, { retriable: error.retry !== 'never', cause: error })
}
