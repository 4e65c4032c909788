/** Joins of streams against a naive one that knows all records at once. */
import fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import type { KeyValueStore, Stream } from '../../../src/index.ts'
import { compile } from '../../../src/engine/topology/compile.ts'
import type { Plan } from '../../../src/engine/topology/plan.ts'
import { shareSelfJoins } from '../../../src/engine/topology/self-joins.ts'
import { createDriver } from '../../../src/testing/driver.ts'

const left = topic('left', { key: string, value: json<string>() })
const right = topic('right', { key: string, value: json<string>() })
const out = topic('out', { key: string, value: json<string>() })

type Kind = 'join' | 'leftJoin' | 'outerJoin'

interface Sent {
  readonly side: 'left' | 'right'
  readonly key: string
  readonly value: string
  readonly timestamp: number
}

const BEFORE = 6
const AFTER = 4
const LATENESS = 4
const GRACE = 5

/** Records that are late by at most `LATENESS`, so that nothing is given up too early. */
const traces: fc.Arbitrary<readonly Sent[]> = fc
  .array(
    fc.record({
      side: fc.constantFrom('left' as const, 'right' as const),
      key: fc.constantFrom('a', 'b'),
      step: fc.integer({ min: 0, max: 5 }),
      late: fc.integer({ min: 0, max: LATENESS }),
    }),
    { maxLength: 40 },
  )
  .map((all) => {
    let time = 20
    return all.map(({ side, key, step, late }, index) => {
      time += step
      return { side, key, value: `${side[0]}${index}`, timestamp: time - late }
    })
  })

function planOf(kind: Kind): Plan {
  return defineApp('joined', (flow) => {
    const [one, other] = [flow.stream(left), flow.stream(right)]
    const options = { within: { before: BEFORE, after: AFTER }, grace: GRACE, name: 'j' }
    const joiner = (a: string | null, b: string | null): string => `${a} ${b}`
    if (kind === 'join') one.join(other, joiner, options).to(out)
    else if (kind === 'leftJoin') one.leftJoin(other, joiner, options).to(out)
    else one.outerJoin(other, joiner, options).to(out)
  }).plan()
}

/** Everything that comes out once time has passed all windows, in no order; and what the join still waits for. */
async function run(kind: Kind, trace: readonly Sent[]): Promise<readonly [string[], number]> {
  const driver = await createDriver(planOf(kind))
  for (const { side, ...record } of trace) driver.pipe(side === 'left' ? left : right, record)
  driver.pipe(left, { key: 'end', value: 'end', timestamp: 1_000_000 })
  const results = driver.read(out).map(({ key, value, timestamp }) => `${key} ${value} ${timestamp}`)
  const store = `j-${kind === 'leftJoin' ? 'left' : 'outer'}-shared-join-store`
  const waiting = kind === 'join' ? 1 : driver.store<KeyValueStore<unknown, unknown>>(store).count()
  driver.close()
  return [results.toSorted(), waiting]
}

function naive(kind: Kind, trace: readonly Sent[]): string[] {
  const matched = new Set<Sent>()
  const [lefts, rights] = [
    trace.filter(({ side }) => side === 'left'),
    trace.filter(({ side }) => side === 'right'),
  ]
  const results: string[] = []
  for (const one of lefts) {
    for (const other of rights) {
      const apart = other.timestamp - one.timestamp
      if (one.key !== other.key || apart < -BEFORE || apart > AFTER) continue
      matched.add(one).add(other)
      results.push(`${one.key} ${one.value} ${other.value} ${Math.max(one.timestamp, other.timestamp)}`)
    }
  }
  const alone = trace.filter((sent) => !matched.has(sent))
  for (const { side, key, value, timestamp } of kind === 'join' ? [] : alone) {
    if (side === 'left') results.push(`${key} ${value} null ${timestamp}`)
    else if (kind === 'outerJoin') results.push(`${key} null ${value} ${timestamp}`)
  }
  return results.toSorted()
}

describe('a join of streams', () => {
  it.each(['join', 'leftJoin', 'outerJoin'] as const)(
    '%s gives what a naive join of all records gives',
    async (kind) => {
      await fc.assert(
        fc.asyncProperty(traces, async (trace) => {
          const [results, waiting] = await run(kind, trace)
          expect(results).toEqual(naive(kind, trace))
          // The record that ended it.
          expect(waiting).toBe(1)
        }),
        { numRuns: 80 },
      )
    },
  )

  it('with itself gives the same when the records are kept once', async () => {
    const app = defineApp('self', (flow) => {
      const stream = flow.stream(left)
      stream.join(stream, (a, b) => `${a} ${b}`, { within: { before: BEFORE, after: AFTER } }).to(out)
    })
    const topology = app.topology()
    const shared = compile('self', { ...topology, nodes: shareSelfJoins(topology.nodes, () => true) })
    expect(shared.subtopologies.flatMap(({ stores }) => stores.map(({ name }) => name))).toEqual([
      'left-join-left-this-join-store',
    ])
    const inOrder = traces.map((all) => all.filter(({ side }) => side === 'left'))
    await fc.assert(
      fc.asyncProperty(inOrder, async (trace) => {
        const [once, twice] = [await createDriver(shared), await createDriver(app.plan())]
        for (const driver of [once, twice])
          for (const { side: _, ...record } of trace) driver.pipe(left, record)
        expect(once.read(out)).toEqual(twice.read(out))
        once.close()
        twice.close()
      }),
      { numRuns: 50 },
    )
  })

  it('gives up an unmatched record whose joiner throws, and only that', async () => {
    const app = defineApp('throws', (flow) => {
      const joiner = (a: string, b: string | null): string => {
        if (a === 'bad') throw new Error('no')
        return `${a} ${b}`
      }
      flow.stream(left).leftJoin(flow.stream(right), joiner, { within: 5 }).to(out)
    })
    const driver = await createDriver(app.plan())
    const send = (value: string, timestamp: number): void => driver.pipe(left, { key: 'a', value, timestamp })
    for (const value of ['one', 'bad', 'two']) send(value, 10)
    send('three', 12)
    send('four', 30)
    expect(driver.deadLetters()).toHaveLength(1)
    send('five', 50)
    send('six', 70)
    expect(driver.deadLetters()).toHaveLength(0)
    expect(driver.read(out).map(({ value }) => value)).toEqual([
      'one null',
      'two null',
      'three null',
      'five null',
    ])
    driver.close()
  })

  it('refuses to go without a window, and one that ends before it begins', () => {
    const draw = (options: object) => (): unknown =>
      defineApp('refused', (flow) => {
        const [one, other] = [flow.stream(left), flow.stream(right)]
        one.join(other, (a) => a, options as never).to(out)
      }).plan()
    expect(draw({})).toThrow(/within/)
    expect(draw({ within: { before: '-3s', after: '2s' } })).toThrow(/before \+ after >= 0/)
    expect(draw({ within: '1s', grace: -1 })).toThrow(/grace/)
    expect(draw({ within: '1s', joiner: 1 })).toThrow(/joiner/)
  })

  it('refuses an outer join with a table', () => {
    const draw = (): unknown =>
      defineApp('refused', (flow) => {
        flow.stream(left).outerJoin(flow.table(right) as never, (a) => a, { within: '1s' })
      }).plan()
    expect(draw).toThrow(/only the stream triggers/)
  })

  it('gives null for the side that may be missing, in the types too', () => {
    defineApp('typed', (flow) => {
      const [one, other] = [flow.stream(left), flow.stream(right)]
      const options = { within: '5s' } as const
      expectTypeOf(one.join(other, (a, b) => [a, b] as const, options)).toEqualTypeOf<
        Stream<string, readonly [string, string]>
      >()
      expectTypeOf(one.leftJoin(other, (a, b) => [a, b] as const, options)).toEqualTypeOf<
        Stream<string, readonly [string, string | null]>
      >()
      expectTypeOf(one.outerJoin(other, (a, b) => [a, b] as const, options)).toEqualTypeOf<
        Stream<string, readonly [string | null, string | null]>
      >()
      // @ts-expect-error a join of streams has a window
      expect(() => one.join(other, (a) => a)).toThrow(/within/)
    }).topology()
  })
})
