/** OpenTelemetry behind the port of traces. Its API is an optional peer: without it there is no tracer and no cost. */
import type { Context, Span as OtelSpan } from '@opentelemetry/api'
import { problemOf } from '../core/errors.ts'
import type { Headers } from '../core/record.ts'
import type { Span, SpanAttributes, Tracer } from '../core/trace.ts'

type Api = typeof import('@opentelemetry/api')

/** Undefined where `@opentelemetry/api` is not installed. Spans go wherever the program's SDK sends them. */
export async function openTracer(): Promise<Tracer | undefined> {
  let api: Api
  try {
    api = await import('@opentelemetry/api')
  } catch {
    return undefined
  }
  return {
    start(name, headers, attributes) {
      const parent = api.propagation.extract(api.ROOT_CONTEXT, carrierOf(headers))
      return startSpan(api, name, parent, api.SpanKind.CONSUMER, attributes)
    },
  }
}

function startSpan(api: Api, name: string, parent: Context, kind: number, attributes: SpanAttributes): Span {
  const span = api.trace.getTracer('sluice').startSpan(name, { kind, attributes }, parent)
  const context = api.trace.setSpan(parent, span)
  return {
    child: (of, more) => startSpan(api, of, context, api.SpanKind.CLIENT, more),
    get headers() {
      const carrier: Record<string, string> = {}
      api.propagation.inject(context, carrier)
      return carrier
    },
    end: (error) => endSpan(api, span, error),
  }
}

function endSpan(api: Api, span: OtelSpan, error: unknown): void {
  if (error !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: problemOf(error) })
  span.end()
}

function carrierOf(headers: Headers): Record<string, string> {
  const carrier: Record<string, string> = {}
  for (const { key, value } of headers)
    if (value !== null && (key === 'traceparent' || key === 'tracestate'))
      carrier[key] = Buffer.from(value).toString('latin1')
  return carrier
}
