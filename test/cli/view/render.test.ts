/** The live view is a function of two samples: what it shows, how rates are counted, that nothing is too wide or too clever. */
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { renderView } from '../../../src/cli/view/render.ts'
import { viewSample } from '../../../src/cli/view/sample.ts'
import type { ViewFacts } from '../../../src/cli/view/sample.ts'
import type { Sample } from '../../../src/core/metrics.ts'

const sample = (name: string, value: number, labels: Sample['labels'] = {}): Sample => ({
  name,
  value,
  labels,
})

function samples(scale: number): readonly Sample[] {
  const rate = { node: 'rate', task: '0_0', source: 'http' }
  return [
    sample('process-total', 600 * scale, { task: '0_0' }),
    sample('process-total', 400 * scale, { task: '0_1' }),
    sample('records-lag', 1234, { topic: 'orders' }),
    sample('records-produced-total', 500 * scale, { topic: 'rated', task: '0_0' }),
    sample('records-produced-total', 250 * scale, { topic: 'rated', task: '0_1' }),
    sample('commit-total', 10 * scale),
    sample('enrich-in-flight', 40, { node: 'rate', task: '0_0' }),
    sample('enrich-calls-total', 90 * scale, { ...rate, outcome: 'ok' }),
    sample('enrich-calls-total', 4, { ...rate, outcome: 'error' }),
    sample('enrich-calls-total', 3, { ...rate, outcome: 'timeout' }),
    sample('enrich-retries-total', 7, rate),
    sample('enrich-cache-hits-total', 75, rate),
    sample('enrich-cache-misses-total', 25, rate),
    sample('enrich-call-latency-ms', 52.4, { ...rate, quantile: '0.5' }),
    sample('enrich-call-latency-ms', 1210, { ...rate, quantile: '0.99' }),
    sample('enrich-call-latency-ms-count', 1000, rate),
    sample('enrich-breaker-state', 2, { node: 'rate', endpoint: 'http://rates' }),
    sample('enrich-breaker-held', 17, { node: 'rate', endpoint: 'http://rates' }),
    sample('enrich-breaker-state', 0, { node: 'rate', endpoint: 'http://well' }),
    sample('enrich-breaker-held', 0, { node: 'rate', endpoint: 'http://well' }),
    sample('dead-letter-records-total', 2, { task: '0_0' }),
  ]
}

const facts: ViewFacts = {
  application: 'shop',
  state: 'running',
  tasks: 2,
  at: 0,
  latestDeadLetters: [
    { place: 'orders-0@17', code: 'SLUICE_DESERIALIZE', message: 'not\u001B[31m valid\njson' },
  ],
}

const before = viewSample(samples(1), facts)
const now = viewSample(samples(2), { ...facts, at: 2000 })
const plain = (text: string): readonly string[] => stripVTControlCharacters(text).split('\n')

const styles = (line: string, codes: string): number =>
  line.match(new RegExp(`${'\u001B'}\\[${codes}m`, 'g'))?.length ?? 0

describe('the live view', () => {
  it('shows totals, rates, lag, calls, cache, errors and the latest dead letters', () => {
    expect(plain(renderView(now, before, 100))).toEqual([
      'shop  ● running  2 tasks',
      '',
      'in            2,000       500/s  1,234 behind',
      'out           1,500       375/s  rated',
      'commits          20         5/s  ',
      '',
      'rate  ▪▪▪▪▪▪ 40 calls in flight',
      'calls           180        45/s  p50 52 ms  p99 1.2 s',
      '          cache 75 % of 100',
      '          7 failed, 7 retried',
      '          breaker open: http://rates, 17 calls wait',
      '',
      '2 dead letters',
      '  SLUICE_DESERIALIZE orders-0@17  not valid json',
      '',
    ])
  })

  it('has no rates at first, and says when there is nothing to worry about', () => {
    const quiet = viewSample([sample('process-total', 1_234_567)], { ...facts, state: 'starting', tasks: 1 })
    const lines = plain(renderView(quiet, undefined))
    expect(lines[0]).toBe('shop  ● starting  1 task')
    expect(lines[2]).toBe('in           1.23 M              caught up')
    expect(lines).toContain('no errors')
    expect(lines.join('\n')).not.toContain('/s')
  })

  it('is never wider than the terminal, and leaves no colour open', () => {
    for (const columns of [10, 24, 40, 80]) {
      const text = renderView(now, before, columns)
      for (const line of plain(text)) expect(line.length).toBeLessThanOrEqual(columns)
      for (const line of text.split('\n')) {
        const opened = styles(line, '(?:1|2|3[1-6])')
        const closed = styles(line, '(?:22|39)')
        expect(closed).toBe(opened)
      }
    }
  })
})
