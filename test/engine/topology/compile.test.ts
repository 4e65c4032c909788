/** compile: repartitions where they must be and nowhere else, sub-topologies, ledgers, internal topics, and clear refusals. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSluiceError } from '../../../src/core/errors.ts'
import { TopologyBuilder } from '../../../src/engine/topology/builder.ts'
import { compile } from '../../../src/engine/topology/compile.ts'
import type { TopologyNode } from '../../../src/engine/topology/node.ts'
import type { Plan } from '../../../src/engine/topology/plan.ts'
import { string } from '../../../src/serdes/index.ts'
import { count, document, input, join, kept, rekey, sink, source, step, table, text } from './nodes.ts'

const plan = (...nodes: readonly TopologyNode[]): Plan => compile('app', { nodes })
const shape = ({ subtopologies }: Plan): readonly (readonly string[])[] =>
  subtopologies.map(({ nodes }) => nodes.map((node) => node.name))
const repartitions = ({ internalTopics }: Plan): readonly string[] =>
  internalTopics.filter(({ role }) => role === 'repartition').map(({ name }) => name)

describe('a repartition topic', () => {
  test('is put in front of state when the key may have changed, and only there', () => {
    const made = plan(
      source('in'),
      rekey('by', 'in'),
      step('later', ['by']),
      count('n', 'later'),
      sink('out', 'by'),
    )
    expect(shape(made)).toEqual([
      ['in', 'by', 'later', 'n-repartition-filter', 'n-repartition-sink', 'to-out'],
      ['n-repartition-source', 'n'],
    ])
    expect(repartitions(made)).toEqual(['app-n-repartition'])
    expect(made.sourceTopics).toEqual(['in'])
    expect(made.sinkTopics).toEqual(['out'])
  })

  test('is not needed for an untouched key, nor again below state', () => {
    expect(repartitions(plan(source('in'), step('f', ['in']), count('n', 'f')))).toEqual([])
    expect(repartitions(plan(source('in'), rekey('by', 'in'), count('n', 'by'), count('m', 'n')))).toEqual([
      'app-n-repartition',
    ])
  })

  test('is needed when one of merged streams has a new key', () => {
    const made = plan(source('a'), source('b'), rekey('by', 'b'), step('all', ['a', 'by']), count('n', 'all'))
    expect(repartitions(made)).toEqual(['app-n-repartition'])
  })

  test('is made for each consumer of a branch, and shared by those that give it one name', () => {
    const two = plan(source('in'), rekey('by', 'in'), count('n', 'by'), count('m', 'by'))
    expect(repartitions(two)).toEqual(['app-n-repartition', 'app-m-repartition'])
    const one = plan(
      source('in'),
      rekey('by', 'in'),
      count('n', 'by', { name: 'x' }),
      count('m', 'by', { name: 'x' }),
    )
    expect(repartitions(one)).toEqual(['app-x-repartition'])
    expect(shape(one)[1]).toEqual(['x-repartition-source', 'n', 'm'])
  })

  test('of one name for two branches is refused, naming both', () => {
    const nodes = [source('in'), rekey('a', 'in'), rekey('b', 'in')]
    expect(() => plan(...nodes, count('n', 'a', { name: 'x' }), count('m', 'b', { name: 'x' }))).toThrow(
      'repartition topic "x" is defined twice: by n and by m',
    )
  })

  test('lets null keys pass when a left join follows anywhere below', () => {
    const above = [...table('t'), source('in'), rekey('by', 'in')]
    const inner = plan(...above, join('j', 'by', 't-table'))
    const left = plan(...above, join('j', 'by', 't-table', { allowsNullKey: true }))
    expect(shape(inner).flat()).toContain('j-repartition-filter')
    expect(shape(left).flat()).not.toContain('j-repartition-filter')
    const later = plan(
      ...above,
      step('re', ['by'], { partitioned: [input('by', 're', { always: true })] }),
      rekey('again', 're'),
      join('j', 'again', 't-table', { allowsNullKey: true }),
    )
    expect(
      shape(later)
        .flat()
        .filter((name) => name.endsWith('-filter')),
    ).toEqual([])
  })

  test('is made on demand even for an untouched key, with a count of its own', () => {
    const made = plan(
      source('in'),
      step('re', ['in'], { partitioned: [input('in', 're', { always: true, partitions: 7 })] }),
    )
    expect(made.internalTopics).toEqual([
      {
        name: 'app-re-repartition',
        role: 'repartition',
        partitions: 7,
        writtenBy: [0],
        config: {
          'cleanup.policy': 'delete',
          'message.timestamp.type': 'CreateTime',
          'retention.ms': '-1',
          'segment.bytes': '52428800',
        },
      },
    ])
  })
})

describe('sub-topologies', () => {
  test('are what edges and stores connect, numbered by their first nodes', () => {
    const made = plan(
      source('a'),
      source('b'),
      source('c'),
      step('one', ['a'], { stores: [kept('shared')] }),
      step('two', ['c'], { connects: ['shared'] }),
      step('three', ['b']),
    )
    expect(shape(made)).toEqual([
      ['a', 'c', 'one', 'two'],
      ['b', 'three'],
    ])
    expect(made.subtopologies.map(({ id, sourceTopics }) => [id, sourceTopics])).toEqual([
      [0, ['a', 'c']],
      [1, ['b']],
    ])
  })

  test('hold stores with changelogs, and a ledger for each asynchronous node', () => {
    const ask = step('ask', ['in'], { asynchronous: true, ledger: { key: text, value: document } })
    const made = plan(
      source('in'),
      ask,
      step('own', ['ask'], { stores: [kept('s'), kept('scratch', { changelog: false })] }),
    )
    expect(
      made.subtopologies[0]?.stores.map(({ name, kind, changelogTopic, ledgerOf }) => [
        name,
        kind,
        changelogTopic,
        ledgerOf,
      ]),
    ).toEqual([
      ['ask-ledger', 'key-value', 'app-ask-ledger-changelog', 'ask'],
      ['s', 'timestamped', 'app-s-changelog', undefined],
      ['scratch', 'timestamped', undefined, undefined],
    ])
    expect(
      made.internalTopics.map(({ name, config, writtenBy }) => [name, config?.['cleanup.policy'], writtenBy]),
    ).toEqual([
      ['app-ask-ledger-changelog', 'compact', [0]],
      ['app-s-changelog', 'compact', [0]],
    ])
  })

  test('keep parents before children for any graph, each node once', () => {
    const graph = fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 25 })
    fc.assert(
      fc.property(graph, (edges) => {
        const nodes = edges.map((parents, index) =>
          index === 0 || parents.length === 0
            ? source(`n${index}`)
            : step(`n${index}`, [...new Set(parents.map((parent) => `n${parent % index}`))], {
                changesKey: index % 3 === 0,
              }),
        )
        const order = shape(plan(...nodes.toReversed()))
        expect(order.flat().sort()).toEqual(nodes.map(({ name }) => name).sort())
        for (const group of order) {
          for (const [at, name] of group.entries()) {
            const { parents } = nodes.find((node) => node.name === name)!
            for (const parent of parents) expect(group.slice(0, at)).toContain(parent)
          }
        }
      }),
    )
  })
})

describe('the plan', () => {
  const nodes = [...table('t'), source('in'), rekey('by', 'in'), join('j', 'by', 't-table'), sink('out', 'j')]

  test('lists children in the order they were added, and co-partitioned topics', () => {
    const made = plan(...nodes, step('second', ['by']))
    expect(
      made.subtopologies.flatMap((sub) => sub.nodes).find(({ name }) => name === 'by')?.children,
    ).toEqual(['j-repartition-filter', 'second'])
    expect(made.copartition).toEqual([{ node: 'j', topics: ['app-j-repartition', 't'] }])
  })

  test('has a hash over names and structure, not over functions', () => {
    const again = nodes.map((node) => ({ ...node }))
    expect(plan(...nodes).hash).toBe(plan(...again).hash)
    expect(plan(...nodes).hash).not.toBe(plan(...nodes, step('more', ['in'])).hash)
    expect(plan(...nodes).hash).not.toBe(compile('other', { nodes }).hash)
  })

  test('is silent where nobody listens', () => {
    const loud = (): never => expect.unreachable()
    const silent = step('s', ['in'], { build: loud, buildSilent: ({ next }) => ({ process: next }) })
    const built = (made: Plan): unknown =>
      made.subtopologies[0]?.nodes.find(({ name }) => name === 's')?.build
    expect(built(plan(source('in'), silent))).toBe(silent.buildSilent)
    expect(built(plan(source('in'), silent, sink('out', 's')))).toBe(loud)
  })
})

describe('a topology is refused:', () => {
  const cases: readonly (readonly [string, readonly TopologyNode[], RegExp])[] = [
    ['without sources', [], /reads no topic/],
    ['an unknown parent', [source('in'), step('a', ['b'])], /a: its parent "b" does not exist/],
    [
      'a cycle',
      [source('in'), step('a', ['in', 'c']), step('b', ['a']), step('c', ['b'])],
      /feeds itself: a → b → c → a/,
    ],
    ['a node without input', [source('in'), step('a', [])], /neither parents nor topics/],
    [
      'two nodes of one name',
      [source('in'), step('a', ['in']), step('a', ['in'])],
      /node "a" is defined twice/,
    ],
    [
      'two stores of one name',
      [source('in'), step('a', ['in'], { stores: [kept('s')] }), step('b', ['in'], { stores: [kept('s')] })],
      /store "s" is defined twice: by a and by b/,
    ],
    ['an unknown store', [source('in'), step('a', ['in'], { connects: ['s'] })], /no store "s"/],
    [
      'a topic read by two sources',
      [source('in'), { ...source('in'), name: 'again' }],
      /read already by the source "in"/,
    ],
    ['something below a sink', [source('in'), sink('out', 'in'), step('a', ['to-out'])], /has no output/],
    ['a topic that cannot be', [source('no topic')], /not a valid name/],
    [
      "an internal topic under a user's name",
      [source('in'), step('a', ['in'], { stores: [kept('s')] }), sink('app-s-changelog', 'a')],
      /used both by you and as an internal topic/,
    ],
  ]
  test.each(cases)('%s', (_, nodes, message) => {
    expect(() => plan(...nodes)).toThrow(message)
    expect(() => plan(...nodes)).toThrow(expect.toSatisfy((error) => isSluiceError(error)))
  })
})

describe('the builder', () => {
  test('reads a topic once, whoever asks, and refuses other serdes for it', () => {
    const builder = new TopologyBuilder()
    const first = builder.source(['in'], string, document)
    expect(builder.source(['in'], string, document)).toBe(first)
    expect(() => builder.source(['in'], string, string)).toThrow('different value serdes (json and string)')
  })

  test('takes one store object for one store', () => {
    const builder = new TopologyBuilder()
    const shared = kept('s')
    builder.source(['in'], string, document)
    builder.add(step('a', ['in-source'], { stores: [shared] }))
    expect(builder.add(step('b', ['in-source'], { stores: [shared] }))).toMatchObject({
      stores: [],
      connects: ['s'],
    })
    expect(() => builder.add(step('c', ['in-source'], { stores: [kept('s')] }))).toThrow(
      'store "s" is defined twice',
    )
  })

  test('gives nodes that cannot be changed, and names that are free', () => {
    const builder = new TopologyBuilder()
    const node = builder.source(['in'], string, document)
    expect(() => Object.assign(node, { name: 'x' })).toThrow(TypeError)
    expect(builder.freeName('in-source')).toBe('in-source-2')
    expect(() => builder.add(step('in-source', []))).toThrow('node "in-source" is defined twice')
  })
})
