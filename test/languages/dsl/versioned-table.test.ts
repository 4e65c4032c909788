/** Versioned tables: what out-of-order updates do to tables, aggregates and joins, against a naive history. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import type { Flow } from '../../../src/index.ts'
import { createDriver } from '../../../src/testing/driver.ts'

const left = topic('left', { key: string, value: json<string>() })
const right = topic('right', { key: string, value: json<string>() })
const facts = topic('facts', { key: string, value: json<string>() })
const out = topic('out', { key: string, value: json<unknown>() })

interface Update {
  readonly side: 'left' | 'right' | 'facts'
  readonly key: string
  readonly value: string | null
  readonly timestamp: number
}

const updates: fc.Arbitrary<readonly Update[]> = fc
  .array(
    fc.tuple(
      fc.constantFrom('left' as const, 'right' as const, 'facts' as const),
      fc.constantFrom('a', 'b'),
      fc.boolean(),
      fc.integer({ min: 0, max: 30 }),
    ),
    { maxLength: 40 },
  )
  .map((all) =>
    all.map(([side, key, there, timestamp], index) => ({
      side,
      key,
      value: there || side === 'facts' ? `${side[0]}${index}` : null,
      timestamp,
    })),
  )

const VERSIONED = { versioned: '1h' } as const

const TOPICS = { left, right, facts }

/** What came out of the updates of the topics it reads. */
async function run(draw: (flow: Flow) => void, records: readonly Update[]): Promise<string[]> {
  const plan = defineApp('versions', draw).plan()
  const driver = await createDriver(plan)
  for (const { side, ...record } of records)
    if (plan.sourceTopics.includes(side)) driver.pipe(TOPICS[side], record)
  const results = driver
    .read(out)
    .map(({ key, value, timestamp }) => `${key} ${JSON.stringify(value)} ${timestamp}`)
  driver.close()
  return results
}

/** The update that counts at a time: the latest by event time, of equal times the one that came last. */
function asOf(
  history: readonly Update[],
  side: Update['side'],
  key: string,
  time: number,
): Update | undefined {
  return history
    .filter((update) => update.side === side && update.key === key && update.timestamp <= time)
    .toReversed()
    .toSorted((a, b) => b.timestamp - a.timestamp)[0]
}

describe('a versioned table', () => {
  it('gives a stream what was valid at the time of its record, as far as it is known', async () => {
    const draw = (flow: Flow): void =>
      flow
        .stream(facts)
        .leftJoin(flow.table(left, VERSIONED), (fact, value) => [fact, value])
        .to(out)
    await fc.assert(
      fc.asyncProperty(updates, async (records) => {
        const expected = records.flatMap(({ side, key, value, timestamp }, at) => {
          const valid = asOf(records.slice(0, at), 'left', key, timestamp)?.value ?? null
          return side === 'facts' ? [`${key} ${JSON.stringify([value, valid])} ${timestamp}`] : []
        })
        expect(await run(draw, records)).toEqual(expected)
      }),
      { numRuns: 80 },
    )
  })

  it('passes that on to what is computed from it', async () => {
    const draw = (flow: Flow): void =>
      flow
        .stream(facts)
        .join(
          flow
            .table(left, VERSIONED)
            .filter((value) => !value.endsWith('7'))
            .mapValues((value) => value.toUpperCase()),
          (fact, value) => [fact, value],
        )
        .to(out)
    await fc.assert(
      fc.asyncProperty(updates, async (records) => {
        const expected = records.flatMap(({ side, key, value, timestamp }, at) => {
          const valid = asOf(records.slice(0, at), 'left', key, timestamp)?.value ?? null
          if (side !== 'facts' || valid === null || valid.endsWith('7')) return []
          return [`${key} ${JSON.stringify([value, valid.toUpperCase()])} ${timestamp}`]
        })
        expect(await run(draw, records)).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })

  it('joined with another ends with the latest by event time, whatever order they came in', async () => {
    const draw = (flow: Flow): void => {
      const [one, other] = [flow.table(left, VERSIONED), flow.table(right, VERSIONED)]
      one
        .outerJoin(other, (a, b) => [a, b])
        .toStream()
        .to(out)
    }
    await fc.assert(
      fc.asyncProperty(updates, async (records) => {
        const last = new Map(
          (await run(draw, records)).map((text) => {
            const [key, value] = text.split(' ')
            return [key!, JSON.parse(value!) as unknown]
          }),
        )
        for (const key of ['a', 'b']) {
          const [one, other] = (['left', 'right'] as const).map(
            (side) => asOf(records, side, key, Infinity)?.value ?? null,
          )
          expect(last.get(key) ?? null).toEqual(one === null && other === null ? null : [one, other])
        }
      }),
      { numRuns: 80 },
    )
  })

  it('joined by foreign key ends with the latest by event time of both sides', async () => {
    const of = (value: string): string => (Number(value.slice(1)) % 2 === 0 ? 'a' : 'b')
    const draw = (flow: Flow): void => {
      const [one, other] = [flow.table(left, VERSIONED), flow.table(right, VERSIONED)]
      one
        .leftJoinForeign(other, of, (value, found) => [value, found], { emit: 'every' })
        .toStream()
        .to(out)
    }
    await fc.assert(
      fc.asyncProperty(updates, async (records) => {
        const last = new Map(
          (await run(draw, records)).map((text) => {
            const [key, value] = text.split(' ')
            return [key!, JSON.parse(value!) as unknown]
          }),
        )
        for (const key of ['a', 'b']) {
          const value = asOf(records, 'left', key, Infinity)?.value ?? null
          const found = value === null ? null : (asOf(records, 'right', of(value), Infinity)?.value ?? null)
          expect(last.get(key) ?? null).toEqual(value === null ? null : [value, found])
        }
      }),
      { numRuns: 80 },
    )
  })

  it('counts its latest values only', async () => {
    const draw = (flow: Flow): void =>
      flow
        .table(left, VERSIONED)
        .groupBy((value) => [value.slice(0, 1), value])
        .count({ emit: 'every' })
        .toStream()
        .to(out)
    await fc.assert(
      fc.asyncProperty(updates, async (records) => {
        const last = (await run(draw, records)).at(-1)?.split(' ')[1] ?? '0'
        const there = ['a', 'b'].filter(
          (key) => (asOf(records, 'left', key, Infinity)?.value ?? null) !== null,
        )
        expect(last).toBe(String(there.length))
      }),
      { numRuns: 60 },
    )
  })

  it('lets a record wait for late updates of the table', async () => {
    const draw = (flow: Flow): void =>
      flow
        .stream(facts)
        .leftJoin(flow.table(left, VERSIONED), (fact, value) => `${fact} ${value}`, { grace: 10 })
        .to(out)
    const sent = (side: Update['side'], value: string, timestamp: number): Update => ({
      side,
      key: 'a',
      value,
      timestamp,
    })
    const results = await run(draw, [
      sent('facts', 'f5', 5),
      sent('facts', 'f3', 3),
      sent('left', 'late', 4),
      sent('facts', 'f15', 15),
      sent('facts', 'too late', 4),
    ])
    expect(results).toEqual(['a "f3 null" 3', 'a "f5 late" 5', 'a "too late late" 4'])
  })

  it('is what a grace needs', () => {
    const draw = (flow: Flow): void =>
      flow
        .stream(facts)
        .join(flow.table(left), (fact) => fact, { grace: '1s' })
        .to(out)
    expect(() => defineApp('refused', draw).plan()).toThrow(/only knows its last values/)
  })
})
