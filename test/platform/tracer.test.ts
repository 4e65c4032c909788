/** Traces by the real SDK of OpenTelemetry: one span a record, one within it for each attempt, and the service is told. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { context, propagation, trace } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from 'sluice'
import { http } from 'sluice/enrich'
import { idle, openRuntime } from 'sluice/embed'

const exporter = new InMemorySpanExporter()
const SENDER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

/** Fails the first attempt of each path, and notes the trace of each request. */
const asked: string[] = []
const seen = new Set<string>()
const service = createServer((request, response) => {
  asked.push(String(request.headers['traceparent']))
  const first = !seen.has(request.url!)
  seen.add(request.url!)
  response.statusCode = first ? 503 : 200
  response.setHeader('content-type', 'application/json')
  response.end('"gold"')
})

beforeAll(async () => {
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  )
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  await new Promise<void>((resolve) => {
    service.listen(0, '127.0.0.1', resolve)
  })
})
afterAll(() => {
  service.close()
  trace.disable()
  propagation.disable()
  context.disable()
})

async function run(): Promise<void> {
  const { port } = service.address() as AddressInfo
  const app = defineApp('traced', (flow) => {
    flow
      .stream(topic('orders', { key: string, value: json<object>() }))
      .enrich(
        { club: http(`http://127.0.0.1:${port}/{key}`, { retry: { retries: 1, delay: '1ms' } }) },
        { name: 'ask' },
      )
      .to(topic('out', { key: string, value: json() }))
  })
  const runtime = await openRuntime()
  const running = await runtime.start(app)
  const producer = runtime.connect().producer({})
  await producer.init()
  const buffer = producer.buffer()
  buffer.append(producer.target('orders', 0), 'a', '{}', 1, [])
  buffer.append(producer.target('orders', 0), 'b', '{}', 2, [
    { key: 'traceparent', value: Buffer.from(SENDER) },
  ])
  await producer.send(buffer)
  await idle(runtime, running)
  await runtime.close()
}

describe('a trace', () => {
  it('has a span for each record and one within it for each attempt, whose id the service is sent', async () => {
    await run()
    const spans = exporter.getFinishedSpans()
    const records = spans.filter(({ name }) => name === 'ask')
    const attempts = spans.filter(({ name }) => name === 'ask club')
    expect(records).toHaveLength(2)
    expect(attempts).toHaveLength(4)
    const within = (record: ReadableSpan): readonly ReadableSpan[] =>
      attempts.filter(({ parentSpanContext }) => parentSpanContext?.spanId === record.spanContext().spanId)
    for (const record of records) {
      expect(within(record).map(({ attributes }) => attributes['sluice.attempt'])).toEqual([1, 2])
      expect(within(record).map(({ status }) => status.code)).toEqual([2, 0])
      expect(record.status.code).toBe(0)
    }
    expect(
      records.map(({ attributes }) => Number(attributes['messaging.kafka.offset'])).toSorted((a, b) => a - b),
    ).toEqual([0, 1])
    const ids = attempts.map((span) => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`)
    expect(asked.toSorted()).toEqual(ids.toSorted())
  })

  it('goes on where the sender of the record began it', () => {
    const records = exporter.getFinishedSpans().filter(({ name }) => name === 'ask')
    const sent = records.find(({ attributes }) => attributes['messaging.kafka.offset'] === 1)!
    expect(sent.spanContext().traceId).toBe(SENDER.split('-')[1])
    expect(sent.parentSpanContext?.spanId).toBe(SENDER.split('-')[2])
  })
})
