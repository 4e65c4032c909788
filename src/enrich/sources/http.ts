/**
 * HTTP as a source: a request made from a template, an answer read as JSON or text. What a status means is decided here,
 * and only that: retries, timeouts and caching are the operator's.
 */
import { choiceField, customField, defineConfig, optional, textField } from '../../core/config.ts'
import type { ConfigSpec, Field } from '../../core/config.ts'
import { problemOf, sluiceError } from '../../core/errors.ts'
import type { HttpResponse } from '../../core/http.ts'
import type { Bytes, FlowRecord } from '../../core/record.ts'
import { CallError } from '../call-error.ts'
import { commonOptions, kindField, sourceSpec } from '../policy.ts'
import { compileBody, compileHeader, compileUrl, withoutReferences } from './http-template.ts'
import type { Template } from './http-template.ts'
import { quotaOf } from './quota-headers.ts'
import { retryAfterMs } from './retry-after.ts'
import { SecretReader } from './secret-reader.ts'
import type { CallContext, Source, SourceOptions } from './source.ts'

export interface HttpOptions extends SourceOptions {
  /** Default GET. */
  readonly method?: string
  /**
   * Values may hold placeholders, and references to secrets: `Bearer ${env:TOKEN}`, `${file:/run/secrets/token}`. A file is read
   * again after 10 seconds, so that a new token is used without a restart.
   */
  readonly headers?: Readonly<Record<string, string>>
  /**
   * A JSON value whose texts may hold placeholders (`{ id: '{value.userId}' }`), or a function that makes the body: a
   * text or bytes are sent as they are, everything else as JSON.
   */
  readonly body?: unknown
  /** Default: `read` for GET and HEAD, else `write`. Say `read` for a POST that only asks. */
  readonly kind?: 'read' | 'write'
  /** What 404 means: `null` (there is none, default) or `error` (not retried). */
  readonly notFound?: 'null' | 'error'
  /** `auto` (default): JSON if the content type says so, else text. An empty body is null. */
  readonly response?: 'auto' | 'json' | 'text'
}

/** With the URL among the options. */
export interface HttpDefinition extends HttpOptions {
  readonly url: string
}

export interface EnrichHttpRequest {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Bytes | string | undefined
}

type BodyFunction = (value: unknown, key: unknown, record: FlowRecord) => unknown

type HttpFields = typeof sourceSpec.fields & {
  readonly url: Field<string>
  readonly method: Field<string>
  readonly headers: Field<Readonly<Record<string, string>>>
  readonly body: Field<unknown>
  readonly kind: Field<'read' | 'write' | undefined>
  readonly notFound: Field<'null' | 'error'>
  readonly response: Field<'auto' | 'json' | 'text'>
}

export const httpSpec: ConfigSpec<HttpFields> = defineConfig({
  url: textField({
    doc: 'Placeholders {key}, {value}, {value.field}; filled-in values are percent-encoded, the host is fixed.',
    example: 'https://profiles.internal/users/{value.userId}',
  }),
  method: customField<string>('HTTP method', { doc: 'Method.', default: 'GET' }, (came) =>
    typeof came === 'string' && /^[A-Za-z]+$/.test(came) ? came.toUpperCase() : undefined,
  ),
  headers: customField<Readonly<Record<string, string>>>(
    'an object of texts',
    {
      doc: 'Headers; values may hold placeholders and ${env:NAME}, ${file:/path:key}.',
      default: {},
      secret: true,
    },
    (came) => (isTexts(came) ? came : undefined),
  ),
  body: optional(
    customField<unknown>(
      'JSON value or function',
      { doc: 'Body; texts may hold placeholders.' },
      (came) => came,
    ),
  ),
  kind: kindField,
  notFound: choiceField(['null', 'error'], { doc: 'What 404 means.', default: 'null' }),
  response: choiceField(['auto', 'json', 'text'], {
    doc: 'How the body is read; auto: JSON if the content type says so, else text.',
    default: 'auto',
  }),
  ...sourceSpec.fields,
})

/** Characters of an error body that go into the message. */
const SHOWN_BODY = 300

/**
 * A source that makes one HTTP request. A placeholder without a value (null, missing) means there is nothing to ask:
 * the answer is null. Statuses: 2xx answer; 404 null; 408, 425, 429 and 5xx are retried (Retry-After respected); others
 * fail with SLUICE_HTTP_STATUS. Redirects are not followed.
 * @example
 * import { http } from 'sluice/enrich'
 *
 * const profile = http<{ name: string }>('https://profiles.internal/{key}', { timeout: '500ms', retry: 3, cache: '60s' })
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function http<Answer = unknown>(
  url: string | HttpDefinition,
  options: HttpOptions = {},
): Source<Answer | null, unknown, EnrichHttpRequest> {
  const given: HttpDefinition = typeof url === 'string' ? { ...options, url } : { ...url, ...options }
  const place = `http ${given.name ?? String(given.url)}`
  const { method, response, notFound, ...parsed } = httpSpec.parse(given, place)
  const kind = parsed.kind ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write')
  const target = compileUrl(parsed.url, place)
  // Headers count: an answer for one caller's token must not be given to another.
  const variable = templated(parsed.headers)
  const secrets = new SecretReader(Object.values(parsed.headers), `${place}: headers`)
  return {
    kind,
    needsHttp: true,
    endpoint: target.origin,
    ...(given.name === undefined ? {} : { name: given.name }),
    options: commonOptions(given),
    hold: (host) => secrets.attach(host),
    request: compileRequest(target.path, parsed.headers, parsed.body, place, secrets),
    identity: (request) => identityOf(request, variable),
    async call(request, context) {
      const own = kind === 'write' ? withIdempotencyKey(request.headers, context) : request.headers
      const { traceHeaders } = context
      const headers = traceHeaders === undefined ? own : { ...traceHeaders, ...own }
      const { path, body } = request
      const answer = await context.http.request({
        method,
        origin: target.origin,
        path,
        headers,
        signal: context.signal,
        ...(body === undefined ? {} : { body }),
      })
      tellQuota(answer, context)
      if (answer.status >= 200 && answer.status < 300) {
        return read(answer, response, method, target.origin + path) as Answer
      }
      if (answer.status === 404 && notFound === 'null') return null
      throw statusError(answer, method, target.origin + path, context.now())
    },
  }
}

/** Headers are read only where somebody keeps a rate. */
function tellQuota({ headers }: HttpResponse, context: CallContext): void {
  const { quota } = context
  if (quota === undefined) return
  const said = quotaOf(headers, context.now())
  if (said !== undefined) quota(said)
}

type MakeRequest = Source<unknown, unknown, EnrichHttpRequest>['request']

function compileRequest(
  path: Template<string>,
  headers: Readonly<Record<string, string>>,
  body: unknown,
  place: string,
  secrets: SecretReader,
): MakeRequest {
  const makeHeaders = compileHeaders(headers, body, place, secrets)
  const makeBody = body === undefined ? undefined : bodyMaker(body, place)
  return (value, key, record) => {
    const filledPath = path(value, key)
    const filledHeaders = makeHeaders(value, key)
    if (filledPath === undefined || filledHeaders === undefined) return undefined
    return { path: filledPath, headers: filledHeaders, body: makeBody?.(value, key, record) }
  }
}

function compileHeaders(
  headers: Readonly<Record<string, string>>,
  body: unknown,
  place: string,
  secrets: SecretReader,
): Template<Readonly<Record<string, string>>> {
  const all: Record<string, string> = { accept: 'application/json, */*;q=0.5' }
  if (body !== undefined) all['content-type'] = 'application/json'
  for (const [name, text] of Object.entries(headers)) all[name.toLowerCase()] = text
  const filled = { ...all }
  const made = Object.entries(all)
    .filter(([, text]) => text.includes('{'))
    .map(
      ([name, text]) =>
        [
          name,
          compileHeader(text, `${place}: headers ${name}`, (reference) => secrets.read(reference)),
        ] as const,
    )
  if (made.length === 0) return () => filled
  return (value, key) => {
    const own = { ...filled }
    for (const [name, fill] of made) {
      const text = fill(value, key)
      if (text === undefined) return undefined
      own[name] = text
    }
    return own
  }
}

function bodyMaker(
  body: unknown,
  place: string,
): (value: unknown, key: unknown, record: FlowRecord) => Bytes | string {
  if (typeof body === 'function') {
    return (value, key, record) => {
      const made = (body as BodyFunction)(value, key, record)
      return typeof made === 'string' || made instanceof Uint8Array ? made : (JSON.stringify(made) ?? '')
    }
  }
  if (typeof body === 'string' && !/^\{[^{}]*\}$/.test(body)) {
    // Filling values into JSON text would let a value with a quote change the document.
    const expected =
      "a JSON value such as { id: '{key}' }, a single placeholder such as '{value}', or a function"
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `${place}: body`,
      expected,
      came: JSON.stringify(body),
    })
  }
  const fill = compileBody(body, `${place}: body`)
  return (value, key) => JSON.stringify(fill(value, key))
}

/** Names of the headers that differ between records. */
function templated(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(headers)
    .filter(([, text]) => withoutReferences(text).includes('{'))
    .map(([name]) => name.toLowerCase())
}

function identityOf(request: EnrichHttpRequest, variable: readonly string[]): string | undefined {
  const { path, headers, body } = request
  if (body instanceof Uint8Array) return undefined
  let identity = path
  for (const name of variable) identity += `\n${headers[name]}`
  return body === undefined ? identity : `${identity}\n\n${body}`
}

function withIdempotencyKey(
  headers: Readonly<Record<string, string>>,
  context: CallContext,
): Readonly<Record<string, string>> {
  return headers['idempotency-key'] === undefined
    ? { ...headers, 'idempotency-key': context.idempotencyKey }
    : headers
}

const utf8 = new TextDecoder()

function read(
  answer: HttpResponse,
  response: 'auto' | 'json' | 'text',
  method: string,
  url: string,
): unknown {
  if (answer.body.length === 0) return null
  const text = utf8.decode(answer.body)
  const json = response === 'json' || (response === 'auto' && isJson(answer.headers['content-type']))
  if (!json) return text
  try {
    return JSON.parse(text)
  } catch (cause) {
    const details = { method, url, status: answer.status, problem: problemOf(cause) }
    const error = sluiceError('SLUICE_HTTP_BODY', details, cause)
    throw new CallError(error.message, { retriable: true, cause: error })
  }
}

function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^[^;]*[/+]json\b/i.test(contentType)
}

function statusError(answer: HttpResponse, method: string, url: string, now: number): CallError {
  const { status } = answer
  const text = utf8.decode(answer.body.subarray(0, 4 * SHOWN_BODY))
  const body = text.length > SHOWN_BODY ? `${text.slice(0, SHOWN_BODY)}…` : text
  const cause = sluiceError('SLUICE_HTTP_STATUS', { method, url, status, body })
  const retriable = status >= 500 || status === 408 || status === 425 || status === 429
  return new CallError(cause.message, {
    retriable,
    retryAfterMs: retriable ? retryAfterMs(answer.headers['retry-after'], now) : 0,
    ...(status === 429 ? { throttled: true } : {}),
    cause,
  })
}

function isTexts(came: unknown): came is Readonly<Record<string, string>> {
  return (
    typeof came === 'object' && came !== null && Object.values(came).every((text) => typeof text === 'string')
  )
}
