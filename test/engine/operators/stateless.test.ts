/** Stateless operators: what they pass, change and leave alone, on a plan as the DSL draws it. */
import { describe, expect, test } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import type { Flow } from '../../../src/index.ts'
import { int64 } from '../../../src/serdes/index.ts'
import { openBenchTop } from './bench-top.ts'
import type { BenchTop } from './bench-top.ts'

const input = topic('in', { key: string, value: json<number>() })
const out = topic('out', { key: string, value: json<unknown>() })

function run(draw: (flow: Flow) => void): Promise<BenchTop> {
  return openBenchTop(defineApp('test', draw).plan())
}

async function outputs(draw: (flow: Flow) => void, ...values: readonly number[]): Promise<unknown> {
  const top = await run(draw)
  values.forEach((value, index) => top.feed('in', `k${index}`, String(value), index))
  return top.texts('out')
}

describe('a record', () => {
  test('passes a filter unchanged, or not at all', async () => {
    expect(
      await outputs(
        (flow) =>
          flow
            .stream(input)
            .filter((value) => value > 1)
            .to(out),
        1,
        2,
        3,
      ),
    ).toEqual([
      ['k1', '2', 1],
      ['k2', '3', 2],
    ])
  })

  test('gets another value, key, or both, and keeps its time', async () => {
    const draw = (flow: Flow): void => {
      const stream = flow.stream(input)
      stream.mapValues((value, key) => `${key}:${value}`).to(out)
      stream.selectKey((value) => `key ${value}`).to(out)
      stream.map((value, key) => [`${value}`, key]).to(out)
    }
    expect(await outputs(draw, 7)).toEqual([
      ['k0', '"k0:7"', 0],
      ['key 7', '7', 0],
      ['7', '"k0"', 0],
    ])
  })

  test('becomes none or many, in order', async () => {
    const draw = (flow: Flow): void => {
      const stream = flow.stream(input)
      stream.flatMapValues((value) => Array.from({ length: value }, (_, index) => index)).to(out)
      stream.flatMap((value) => (value > 1 ? [['a', 1] as const, ['b', 2] as const] : [])).to(out)
    }
    expect(await outputs(draw, 1, 2)).toEqual([
      ['k0', '0', 0],
      ['k1', '0', 1],
      ['k1', '1', 1],
      ['a', '1', 1],
      ['b', '2', 1],
    ])
  })

  test('goes to the first branch that takes it, or to the default one', async () => {
    const draw = (flow: Flow): void => {
      const {
        small,
        even,
        default: rest,
      } = flow.stream(input).branch({ small: (value) => value < 3, even: (value) => value % 2 === 0 })
      small.mapValues(() => 'small').to(out)
      even.mapValues(() => 'even').to(out)
      rest.mapValues(() => 'rest').to(out)
    }
    expect(await outputs(draw, 2, 4, 5)).toEqual([
      ['k0', '"small"', 0],
      ['k1', '"even"', 1],
      ['k2', '"rest"', 2],
    ])
  })

  test('of several streams arrives in their merge as it comes', async () => {
    const draw = (flow: Flow): void => {
      const stream = flow.stream(input)
      stream
        .filter((value) => value > 1)
        .merge(stream.filter((value) => value < 1))
        .to(out)
    }
    expect(await outputs(draw, 0, 1, 2)).toEqual([
      ['k0', '0', 0],
      ['k2', '2', 2],
    ])
  })

  test('comes once out of a stream merged with itself', async () => {
    const draw = (flow: Flow): void => {
      const stream = flow.stream(input)
      stream.merge(stream).to(out)
    }
    expect(await outputs(draw, 1)).toEqual([['k0', '1', 0]])
  })

  test('is seen by peek before it goes on', async () => {
    const seen: unknown[] = []
    await outputs(
      (flow) =>
        flow
          .stream(input)
          .peek((value, key) => seen.push([key, value]))
          .to(out),
      5,
    )
    expect(seen).toEqual([['k0', 5]])
  })
})

describe('the verbs at the end', () => {
  test('filterNot passes what the predicate refuses', async () => {
    const draw = (flow: Flow): void =>
      flow
        .stream(input)
        .filterNot((value) => value > 1)
        .to(out)
    expect(await outputs(draw, 1, 2)).toEqual([['k0', '1', 0]])
  })

  test('forEach hands over each record, null ones too', async () => {
    const seen: unknown[] = []
    const top = await run((flow) => flow.stream(input).forEach((value, key) => seen.push([key, value])))
    top.feed('in', 'a', '1')
    top.feed('in', null, null)
    expect(seen).toEqual([
      ['a', 1],
      [null, null],
    ])
  })

  test('print writes `[label]: key, value`, labelled by what came before unless told otherwise', async () => {
    const lines: string[] = []
    const write = (line: string): unknown => lines.push(line)
    const circle: unknown[] = []
    circle.push(circle)
    const odd: readonly unknown[] = ['text', null, undefined, { a: [1] }, 7n, circle]
    const top = await run((flow) => {
      const stream = flow.stream(input)
      stream.print({ write, label: 'in' })
      stream
        .selectKey(() => null)
        .flatMapValues(() => odd)
        .print({ write })
    })
    top.feed('in', 'k', '1')
    const label = '[in-selectKey]: null, '
    expect(lines).toEqual([
      '[in]: k, 1',
      ...['text', 'null', 'null', '{"a":[1]}', '7', '[object Array]'].map((text) => label + text),
    ])
  })
})

describe('bytes', () => {
  const document = '{"b": 1,   "big": 12345678901234567890}'

  test('that nobody reads are neither decoded nor written anew', async () => {
    const top = await run((flow) => flow.stream(input).to(out))
    top.feed('in', 'k', document)
    expect(top.texts('out')).toEqual([['k', document, 0]])
    expect(top.decoded.count).toBe(0)
  })

  test('of a value are kept when only the key is replaced', async () => {
    const top = await run((flow) =>
      flow
        .stream(topic('in', { key: string, value: json() }))
        .selectKey(() => 'x')
        .to(out),
    )
    top.feed('in', 'k', '{"b":   1}')
    expect(top.texts('out')).toEqual([['x', '{"b":   1}', 0]])
  })

  test('are written anew where the topic has another format', async () => {
    const longs = topic('out', { key: string, value: int64 })
    const top = await run((flow) => flow.stream(input).to(longs))
    top.feed('in', 'k', '7')
    expect(top.written.get('out')?.[0]?.value).toEqual(Buffer.from([0, 0, 0, 0, 0, 0, 0, 7]))
  })
})

test('a null key is dropped and counted before a repartition, but not before a left join', async () => {
  const names = topic('names', { key: string, value: json<string>() })
  const draw =
    (verb: 'join' | 'leftJoin') =>
    (flow: Flow): void => {
      const keyed = flow.stream(input).selectKey((value) => (value > 1 ? `k${value}` : null))
      const join = (value: number, name: string | null): unknown => [value, name]
      const table = flow.table(names)
      const joined = verb === 'join' ? keyed.join(table, join) : keyed.leftJoin(table, join)
      joined.to(out)
    }
  for (const [verb, first, dropped] of [
    ['join', [], ['null key before a repartition']],
    ['leftJoin', [[null, '[1,null]', 0]], []],
  ] as const) {
    const top = await run(draw(verb))
    top.feed('names', 'k2', '"two"')
    top.feed('in', 'a', '1')
    top.feed('in', 'a', '2')
    expect(top.texts('out')).toEqual([...first, ['k2', '[2,"two"]', 0]])
    expect(top.dropped).toEqual(dropped)
  }
})

test('a key that is no text and has no serde names the option to give', async () => {
  const draw = (flow: Flow): void => {
    const loose = flow.stream(input).selectKey((value) => value as unknown as string)
    loose.groupByKey().count()
  }
  const top = await run(draw)
  expect(() => top.feed('in', 'a', '1')).toThrow(/key for count is of type number.*\{ key: int64 \}/)
})
