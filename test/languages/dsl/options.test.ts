import { describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import type { Flow, Stream } from '../../../src/index.ts'

const input = topic('in', { key: string, value: json<{ n: number }>() })
const output = topic('out', { key: string, value: json() })
type In = Stream<string, { n: number }>

/** Each verb with a misspelt option, as plain JavaScript could pass it. */
const MISSPELT: readonly (readonly [
  verb: string,
  nearest: string,
  draw: (stream: In, flow: Flow) => unknown,
])[] = [
  ['filter', 'name', (stream) => stream.filter(() => true, { nme: 'x' } as object)],
  ['filterNot', 'name', (stream) => stream.filterNot(() => true, { nme: 'x' } as object)],
  ['forEach', 'name', (stream) => stream.forEach(() => undefined, { nme: 'x' } as object)],
  ['print', 'label', (stream) => stream.print({ lable: 'x' } as object)],
  [
    'joinGlobal',
    'name',
    (stream, flow) =>
      stream.joinGlobal(flow.globalTable(input), { key: () => 'k', nmae: 'x' } as never, () => 1),
  ],
  [
    'leftJoinGlobal',
    'name',
    (stream, flow) =>
      stream.leftJoinGlobal(flow.globalTable(input), { key: () => 'k', nmae: 'x' } as never, () => 1),
  ],
  ['peek', 'name', (stream) => stream.peek(() => undefined, { nmae: 'x' } as object)],
  ['mapValues', 'value', (stream) => stream.mapValues((value) => value, { valu: json() } as object)],
  ['flatMapValues', 'value', (stream) => stream.flatMapValues((value) => [value], { valu: 1 } as object)],
  ['map', 'key', (stream) => stream.map((value) => ['k', value], { kye: string } as object)],
  ['flatMap', 'key', (stream) => stream.flatMap((value) => [['k', value]], { keys: string } as object)],
  ['selectKey', 'value', (stream) => stream.selectKey(() => 'k', { vaule: 1 } as object)],
  ['branch', 'name', (stream) => stream.branch({ big: () => true }, { names: 1 } as object)],
  ['repartition', 'partitions', (stream) => stream.repartition({ partition: 3 } as object)],
  ['toTable', 'emit', (stream) => stream.toTable({ emits: 'every' } as object)],
  ['groupByKey', 'name', (stream) => stream.groupByKey({ nam: 'x' } as object)],
  ['groupBy', 'name', (stream) => stream.groupBy(() => 'k', { nam: 'x' } as object)],
  ['count', 'changelog', (stream) => stream.groupByKey().count({ changeLog: false } as object)],
  ['reduce', 'emit', (stream) => stream.groupByKey().reduce((_, value) => value, { emitt: 1 } as object)],
  [
    'aggregate',
    'emit',
    (stream) => stream.groupByKey().aggregate({ init: () => 0, add: () => 0, emitt: 1 } as never),
  ],
  ['join', 'value', (stream, flow) => stream.join(flow.table(input), () => 1, { vlaue: 1 } as object)],
  ['leftJoin', 'key', (stream, flow) => stream.leftJoin(flow.table(input), () => 1, { kei: 1 } as object)],
  ['process', 'stores', (stream) => stream.process(() => ({ process() {} }), { store: [] } as object)],
  ['toStream', 'name', (_, flow) => flow.table(input).toStream({ nam: 'x' } as object)],
  ['tableFilter', 'emit', (_, flow) => flow.table(input).filter(() => true, { emitt: 1 } as object)],
  ['tableFilterNot', 'emit', (_, flow) => flow.table(input).filterNot(() => true, { emitt: 1 } as object)],
  [
    'tableMapValues',
    'materialized',
    (_, flow) => flow.table(input).mapValues((value) => value, { materialised: true } as object),
  ],
  ...(['join', 'leftJoin', 'outerJoin'] as const).map(
    (verb) =>
      [
        `table${verb[0]!.toUpperCase()}${verb.slice(1)}`,
        'materialized',
        (_: In, flow: Flow) =>
          flow.table(input)[verb](flow.table(output), () => 1, { materialised: true } as object),
      ] as const,
  ),
  [
    'reduceTable',
    'subtract',
    (_, flow) =>
      flow
        .table(input)
        .groupBy((value) => ['k', value])
        .reduce({ add: (so: unknown) => so, substract: () => 1 } as never),
  ],
  [
    'aggregateTable',
    'subtract',
    (_, flow) =>
      flow
        .table(input)
        .groupBy((value) => ['k', value])
        .aggregate({ init: () => 1, add: () => 1, substract: () => 1 } as never),
  ],
  ['table', 'changelog', (_, flow) => flow.table(input, { changlog: false } as object)],
  ['to', 'name', (stream) => stream.to(output, { nam: 'x' } as object)],
]

describe('a misspelt option', () => {
  for (const [verb, nearest, draw] of MISSPELT) {
    it(`of ${verb} is refused with the nearest one`, () => {
      const app = defineApp('app', (flow) => void draw(flow.stream(input), flow))
      expect(() => app.plan()).toThrow(
        expect.objectContaining({
          code: 'SLUICE_CONFIG_UNKNOWN',
          message: expect.stringMatching(
            new RegExp(`^${verb}: unknown option .*did you mean "${nearest}"\\?$`),
          ) as string,
        }) as Error,
      )
    })
  }
})
