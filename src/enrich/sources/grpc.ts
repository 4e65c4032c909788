/**
 * gRPC as a source: one unary method of a service, described by its .proto file, over one channel that reconnects by itself.
 * The timeout of an attempt travels as the deadline of the call; the channel's own retries are off.
 */
import type { Client, Metadata, ServiceError } from '@grpc/grpc-js'
import { choiceField, customField, defineConfig, flagField, textField } from '../../core/config.ts'
import type { ConfigSpec, Field } from '../../core/config.ts'
import { sluiceError } from '../../core/errors.ts'
import { commonOptions, kindField, sourceSpec } from '../policy.ts'
import { CallError } from '../call-error.ts'
import { abortReason, untilAborted } from './abortable.ts'
import { loadDriver } from './driver.ts'
import { compileBody } from './http-template.ts'
import { createLease } from './lease.ts'
import { sourceError } from './source-error.ts'
import type { CallContext, Source, SourceOptions } from './source.ts'

export interface GrpcOptions extends SourceOptions {
  /** `host:port`, or any target name of gRPC (`dns:///…`). */
  readonly address: string
  /** Path of the .proto file. */
  readonly proto: string
  /** Folders in which imports of the file are looked up. */
  readonly includes?: readonly string[]
  /** Full name, for instance `shop.Customers`. */
  readonly service: string
  readonly method: string
  /** The message, its texts may hold placeholders (`{ id: '{value.customer}' }`), or a function of value and key. */
  readonly request: unknown
  /** Sent with every call. */
  readonly metadata?: Readonly<Record<string, string>>
  /** TLS with the certificates of this machine; default false. */
  readonly tls?: boolean
  /** Default `read`. Writes carry the metadata `idempotency-key`. */
  readonly kind?: 'read' | 'write'
  /** What NOT_FOUND means: `null` (there is none, default) or `error` (not tried again). */
  readonly notFound?: 'null' | 'error'
}

type GrpcFields = typeof sourceSpec.fields & {
  readonly address: Field<string>
  readonly proto: Field<string>
  readonly includes: Field<readonly string[]>
  readonly service: Field<string>
  readonly method: Field<string>
  readonly request: Field<unknown>
  readonly metadata: Field<Readonly<Record<string, string>>>
  readonly tls: Field<boolean>
  readonly kind: Field<'read' | 'write' | undefined>
  readonly notFound: Field<'null' | 'error'>
}

export const grpcSpec: ConfigSpec<GrpcFields> = defineConfig({
  address: textField({ doc: 'Where the service is.', example: 'customers.internal:50051' }),
  proto: textField({ doc: 'Path of the .proto file.', example: 'customers.proto' }),
  includes: customField<readonly string[]>(
    'array of paths',
    { doc: 'Folders in which imports are looked up.', default: [] },
    (came) => (Array.isArray(came) && came.every((one) => typeof one === 'string') ? came : undefined),
  ),
  service: textField({ doc: 'Full name of the service.', example: 'shop.Customers' }),
  method: textField({ doc: 'Name of a unary method.', example: 'Get' }),
  request: customField<unknown>(
    'object or function',
    { doc: 'The message; texts may hold placeholders.', required: true },
    (came) => came,
  ),
  metadata: customField<Readonly<Record<string, string>>>(
    'an object of texts',
    { doc: 'Sent with every call.', default: {}, secret: true },
    (came) =>
      typeof came === 'object' && came !== null && Object.values(came).every((one) => typeof one === 'string')
        ? (came as Readonly<Record<string, string>>)
        : undefined,
  ),
  tls: flagField({ doc: 'TLS with the certificates of this machine.', default: false }),
  kind: kindField,
  notFound: choiceField(['null', 'error'], { doc: 'What NOT_FOUND means.', default: 'null' }),
  ...sourceSpec.fields,
})

type Settings = ReturnType<typeof grpcSpec.parse>

type MakeMessage = (value: unknown, key: unknown) => unknown

/** A channel with the method to call on it. */
interface Channel {
  close(): void
  call(message: unknown, context: CallContext, write: boolean): Promise<unknown>
}

/**
 * A source that calls a unary method. Connected at the first call, closed with the last task. UNAVAILABLE, DEADLINE_EXCEEDED,
 * RESOURCE_EXHAUSTED, ABORTED and CANCELLED are tried again, NOT_FOUND is null, other statuses fail at once. 64-bit numbers and
 * enums come as texts. Needs `@grpc/grpc-js` and `@grpc/proto-loader`.
 * @example
 * import { grpc } from 'sluice/enrich'
 *
 * const customer = grpc<{ name: string }>({
 *   address: 'customers.internal:50051',
 *   proto: 'customers.proto',
 *   service: 'shop.Customers',
 *   method: 'Get',
 *   request: { id: '{value.customer}' },
 * })
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function grpc<Answer = unknown>(options: GrpcOptions): Source<Answer | null, unknown, unknown> {
  const place = `grpc ${options.name ?? `${options.service}/${options.method}`}`
  const settings = grpcSpec.parse(options, place)
  const kind = settings.kind ?? 'read'
  const lease = createLease(
    () => open(settings, place),
    async (channel) => channel.close(),
  )
  return {
    kind,
    endpoint: settings.address,
    ...(options.name === undefined ? {} : { name: options.name }),
    options: commonOptions(options),
    hold: lease.hold,
    release: lease.release,
    request:
      typeof settings.request === 'function'
        ? (settings.request as MakeMessage)
        : compileBody(settings.request, `${place}: request`),
    identity: (message) => JSON.stringify(message),
    async call(message, context) {
      const opening = lease.use().catch((error: unknown): never => {
        throw sourceError(place, error, 'open', false)
      })
      const channel = await untilAborted(context.signal, opening)
      return (await channel.call(message, context, kind === 'write')) as Answer | null
    },
  }
}

async function open(settings: Settings, place: string): Promise<Channel> {
  const what = `${place} at ${settings.address}`
  const js = await loadDriver(what, '@grpc/grpc-js', () => import('@grpc/grpc-js'))
  const loader = await loadDriver(what, '@grpc/proto-loader', () => import('@grpc/proto-loader'))
  const { proto, includes, address, tls } = settings
  const format = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true }
  const loaded = await loader
    .load(proto, { ...format, includeDirs: [...includes] })
    .catch((error: unknown): never => {
      throw sourceError(place, error, proto, false)
    })
  const method = methodOf(loaded, settings, place)
  const credentials = tls ? js.credentials.createSsl() : js.credentials.createInsecure()
  const client = new js.Client(address, credentials, { 'grpc.enable_retries': 0 })
  return {
    close: () => client.close(),
    call: (message, context, write) =>
      unary(
        { client, method, settings, place },
        message,
        metadataOf(new js.Metadata(), settings, context, write),
        context,
      ),
  }
}

interface UnaryMethod {
  readonly path: string
  readonly requestSerialize: (message: object) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => object
  readonly requestStream: boolean
  readonly responseStream: boolean
}

function methodOf(loaded: object, { service, method, proto }: Settings, place: string): UnaryMethod {
  const services = loaded as Readonly<Record<string, Readonly<Record<string, UnaryMethod>> | undefined>>
  const found = services[service]?.[method]
  if (found?.path !== undefined && !found.requestStream && !found.responseStream) return found
  const cause = sluiceError('SLUICE_CONFIG_INVALID', {
    place,
    expected: `a unary method of ${proto}`,
    came: `${service}/${method}`,
  })
  throw new CallError(cause.message, { retriable: false, cause })
}

function metadataOf(metadata: Metadata, settings: Settings, context: CallContext, write: boolean): Metadata {
  const all = { ...context.traceHeaders, ...settings.metadata }
  for (const [name, text] of Object.entries(all)) metadata.set(name, text)
  if (write) metadata.set('idempotency-key', context.idempotencyKey)
  return metadata
}

interface Target {
  readonly client: Client
  readonly method: UnaryMethod
  readonly settings: Settings
  readonly place: string
}

function unary(
  { client, method, settings, place }: Target,
  message: unknown,
  metadata: Metadata,
  context: CallContext,
): Promise<unknown> {
  const { signal } = context
  return new Promise((resolve, reject) => {
    const serialize = (one: unknown): Buffer => method.requestSerialize(one as object)
    const deadline = context.now() + settings.timeout
    const call = client.makeUnaryRequest(
      method.path,
      serialize,
      method.responseDeserialize,
      message,
      metadata,
      { deadline },
      (error, answer) => {
        signal.removeEventListener('abort', abort)
        if (error === null) resolve(answer)
        else if (error.code === NOT_FOUND && settings.notFound === 'null') resolve(null)
        else reject(asCallError(place, error))
      },
    )
    const abort = (): void => {
      call.cancel()
      reject(abortReason(signal))
    }
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
  })
}

const NOT_FOUND = 5
const RESOURCE_EXHAUSTED = 8
/** CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, UNAVAILABLE. */
const RETRIABLE: ReadonlySet<number> = new Set([1, 4, RESOURCE_EXHAUSTED, 10, 14])

function asCallError(place: string, error: ServiceError): CallError {
  const { cause, message, retriable } = sourceError(place, error, error.code, RETRIABLE.has(error.code))
  return new CallError(message, { retriable, throttled: error.code === RESOURCE_EXHAUSTED, cause })
}
