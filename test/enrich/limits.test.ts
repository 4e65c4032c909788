/** What limits an operator, live and by arithmetic before anything runs. */
import { describe, expect, it } from 'vitest'
import { enrichment } from '../../src/enrich/enrichment.ts'
import { LIMITING_FACTORS } from '../../src/enrich/limiting-factor.ts'
import { batchSource, source } from '../../src/enrich/sources/source.ts'
import type { FunctionOptions } from '../../src/enrich/sources/source.ts'
import type { EnrichOptions } from '../../src/enrich/types.ts'
import { deferredSource, testHost, ticketOf, turn } from './virtual.ts'
import type { TestHost } from './virtual.ts'

function limitedBy(host: TestHost): string[] {
  return LIMITING_FACTORS.filter((factor) => host.metric('enrich-limited-by', { factor }) === 1)
}

function loaded(options: EnrichOptions, sourceOptions: FunctionOptions, keys: readonly string[]) {
  const host = testHost()
  const { calls, ask } = deferredSource()
  const operator = enrichment(source(ask, sourceOptions), options).open(host)
  for (const [at, key] of keys.entries()) operator.admit(ticketOf(host.clock, at, key, 'value'))
  return { host, calls, operator }
}

describe('what limits a task now', () => {
  const three = ['a', 'b', 'c']
  it.each([
    ['none', {}, {}, three],
    ['concurrency', { concurrency: 2 }, {}, three],
    ['rate', {}, { rate: { limit: '1/h', burst: 1 } }, three],
    ['hot-key', { maxPendingPerKey: 2 }, {}, ['a', 'a']],
    ['hot-key', { order: 'key-serial', maxPending: 3 }, {}, ['a', 'a', 'b']],
    ['window', { maxPending: 3 }, {}, three],
    ['bytes', { maxPendingBytes: 10 }, {}, three],
  ] as const)('is %s with %o and %o', (factor, options, sourceOptions, keys) => {
    const { host, operator } = loaded(options, sourceOptions, keys)
    expect(limitedBy(host)).toEqual([factor])
    operator.close()
    expect(limitedBy(host)).toEqual(['none'])
  })

  it('is the breaker while it holds calls', async () => {
    const breaker = { minimum: 1, window: 1 }
    const { host, calls, operator } = loaded({}, { breaker, retry: { delay: 1 } }, ['a'])
    calls[0]!.reject(new Error('down'))
    await turn()
    operator.admit(ticketOf(host.clock, 9, 'b', 1))
    expect(limitedBy(host)).toEqual(['breaker'])
  })
})

describe('explain', () => {
  const explain = (options: EnrichOptions, asked: Parameters<typeof enrichment>[0]): string =>
    enrichment(asked, options).explain!().join('\n')

  it("says Little's law for the concurrency, fixed or found", () => {
    expect(explain({}, () => 1)).toContain(
      'a task has at most 32 calls under way: 6,400/s at 5 ms a call, 640/s at 50 ms a call, 160/s at 200 ms a call',
    )
    expect(explain({ concurrency: 'auto' }, () => 1)).toContain('at most 1 to 512 calls under way: 102,400/s')
  })

  it('says what a hot key leaves of it, and that reads need no such order', () => {
    const write = explain(
      {},
      source(() => 1, { kind: 'write' }),
    )
    expect(write).toContain('bounds all to 1,961/s at 5 ms, 196/s at 50 ms, 49/s at 200 ms')
    expect(write).not.toContain("order 'key' has no such bound")
    expect(explain({ order: 'key-serial' }, () => 1)).toContain("order 'key' has no such bound")
    expect(explain({}, () => 1)).not.toContain('key-serial')
  })

  it('says what the rate allows, what the deadline cuts off, and when a table would serve better', () => {
    const many = batchSource((values: readonly unknown[]) => [...values], {
      rate: '20/s',
      batch: { size: 50 },
    })
    expect(explain({}, { many })).toContain('many: rate: at most 20 calls/s an instance, 1,000 records')
    expect(
      explain(
        { deadline: '5s' },
        source(() => 1),
      ),
    ).toContain('4 attempts of 2000 ms take up to 8000 ms, and the deadline is 5000 ms')
    expect(
      explain(
        {},
        source(() => 1, { cache: '6h' }),
      ),
    ).toContain('believed for 6 h: if the data can be had as a topic')
  })
})
