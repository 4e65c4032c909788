/** Topics, records and dead letters of a folder, and a new version against it, through the real commands. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeProject } from './command.ts'
import type { Ended, Project } from './command.ts'
import { ERRORS } from '../../src/core/errors.ts'
import { remedyOf } from '../../src/cli/dead-letters.ts'
import { sluiceAll } from './in-one-process.ts'

const app = (limit: number, name = 'per-customer'): string => `
import { defineApp, json, string, topic } from 'sluice'
const orders = topic('orders', { key: string, value: json<{ customer: string; total: number }>() })
export default defineApp('shop', (flow) => {
  flow.stream(orders)
    .mapValues((order) => { if (order.total > ${limit}) throw new Error('too much'); return order })
    .groupBy((order) => order.customer).count({ name: '${name}' })
    .toStream().to(topic('counts', { key: string, value: json() }))
})
`
const words = (line: string): readonly string[] => line.split(' ')
const lines = (text: string): readonly unknown[] =>
  text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]))

const COMMANDS = {
  create: 'topics create orders --folder data --partitions 2 --json',
  produce: 'produce orders orders.jsonl --folder data --json',
  one: 'produce orders --folder data --key x --value {"customer":"c","total":1} --partition 1 --json',
  broken: 'produce orders --folder data --key y --value no-json --value-format string',
  all: 'consume orders --folder data --json',
  filtered: 'consume orders --folder data --json --filter value.total>=500&&headers.trace=="t"',
  limited: 'consume orders --folder data --json --limit 1',
  since: 'consume orders --folder data --json --at 1970-01-01T00:00:02Z',
  list: 'topics list --folder data --json',
  run: 'run old.ts --folder data --until-done --log-level error',
  letters: 'dlq list --folder data --json',
  shown: 'dlq show 0 --folder data --app shop --json',
  page: 'dlq show 1 --folder data --app shop',
  dry: 'dlq redrive --all --folder data --dry-run --json',
  redrive: 'dlq redrive --code SLUICE_PROCESSING --folder data --json',
  again: 'dlq redrive 0 --folder data --json',
  rerun: 'run new.ts --folder data --until-done --log-level error',
  after: 'consume orders --folder data --json --filter headers.sluice.redrive.letter',
  left: 'dlq list --folder data --json',
  counts: 'consume counts --folder data --json',
  same: 'explain new.ts --against data --json',
  renamed: 'explain renamed.ts --against data --json',
  files: 'explain renamed.ts --against new.ts',
  svg: 'explain new.ts --svg',
  reset: 'reset new.ts --folder data --yes --json',
  delete: 'topics delete orders --folder data --yes --json',
} as const

let project: Project
let ended: Readonly<Record<keyof typeof COMMANDS, Ended>>
beforeAll(() => {
  project = makeProject({
    'old.ts': app(100),
    'new.ts': app(1000),
    'renamed.ts': app(1000, 'by-customer'),
    'orders.jsonl': [
      '{"key":"o1","value":{"customer":"a","total":5},"timestamp":1000}',
      '{"key":"o2","value":{"customer":"a","total":500},"timestamp":3000,"headers":{"trace":"t"}}',
      '',
    ].join('\n'),
  })
  const outcomes = sluiceAll(project.folder, Object.values(COMMANDS).map(words))
  ended = Object.fromEntries(Object.keys(COMMANDS).map((name, at) => [name, outcomes[at]!])) as typeof ended
}, 60_000)
afterAll(() => project.remove())

describe('topics and records of a folder', () => {
  it('are made, written, read and deleted', () => {
    expect(lines(ended.create.stdout)).toEqual([{ event: 'created', topic: 'orders', partitions: 2 }])
    expect(lines(ended.produce.stdout)).toEqual([{ event: 'produced', topic: 'orders', records: 2 }])
    expect(lines(ended.all.stdout)).toHaveLength(4)
    expect(lines(ended.list.stdout)).toEqual([{ topic: 'orders', partitions: 2, offsets: 4 }])
    expect(lines(ended.delete.stdout)).toEqual([{ event: 'deleted', topic: 'orders' }])
  })

  it('keep time, headers and the partition asked for', () => {
    expect(lines(ended.filtered.stdout)).toMatchObject([
      { key: 'o2', value: { customer: 'a', total: 500 }, timestamp: 3000, headers: { trace: 't' } },
    ])
    expect(lines(ended.all.stdout)).toContainEqual(expect.objectContaining({ key: 'x', partition: 1 }))
  })

  it('are read up to a limit and from a time on', () => {
    expect(lines(ended.limited.stdout)).toHaveLength(1)
    const keys = lines(ended.since.stdout).map((record) => (record as { key: string }).key)
    expect(keys.toSorted()).toEqual(['o2', 'x', 'y'])
  })
})

describe('dead letters', () => {
  it('are listed with cause, place and attempts', () => {
    expect(lines(ended.letters.stdout)).toMatchObject([
      { code: 'SLUICE_PROCESSING', from: { topic: 'orders' }, node: 'orders-mapValues', redriven: false },
      { code: 'SLUICE_DESERIALIZE', from: { topic: 'orders' }, node: 'orders-source', redriven: false },
    ])
    expect(lines(ended.shown.stdout)).toMatchObject([
      {
        key: 'o2',
        headers: [{ key: 'trace', value: 't' }],
      },
    ])
    const { remedy } = lines(ended.shown.stdout)[0] as { remedy: string }
    expect(remedy).toBe(ERRORS.SLUICE_PROCESSING.fix)
    expect(ended.page.stdout).toContain(`is not valid json`)
    expect(ended.page.stdout).toContain(`\nWhat to do: ${ERRORS.SLUICE_DESERIALIZE.fix}\n`)
    expect(ended.shown.stdout).toMatch(/Caused by: .*too much[\s\S]*old\.ts:6/)
  })

  it('have a remedy for every cause, also one of a later version, with nothing left to be filled in', () => {
    for (const code of [...Object.keys(ERRORS), 'SLUICE_OF_TOMORROW', 'constructor'])
      expect(remedyOf({ code })).toMatch(/^[^{}]{10,}$/)
  })

  it('are sent once, as the record they came from, with time and headers', () => {
    expect(lines(ended.dry.stdout)).toMatchObject([{ sent: 'record' }, { sent: 'record' }])
    expect(lines(ended.redrive.stdout)).toMatchObject([{ letter: '0', sent: 'record' }])
    expect(lines(ended.again.stdout)).toMatchObject([{ sent: 'kept', reason: 'it was redriven before' }])
    expect(lines(ended.left.stdout)).toMatchObject([{ code: 'SLUICE_DESERIALIZE' }])
    const sent = lines(ended.all.stdout).find((record) => (record as { key: string }).key === 'o2')
    expect(sent).toMatchObject({ timestamp: 3000 })
    expect(lines(ended.counts.stdout)).toContainEqual(expect.objectContaining({ key: 'a', value: 2 }))
  })
})

describe('a new version', () => {
  it('is compared with what the folder keeps', () => {
    expect(lines(ended.same.stdout)).toMatchObject([{ changes: [], missing: [], fits: true }])
    expect(ended.same.code).toBe(0)
    expect(lines(ended.renamed.stdout)).toMatchObject([
      {
        fits: false,
        code: 'SLUICE_STATE_INCOMPATIBLE',
        changes: [{ change: 'renamed', before: 'per-customer' }, {}],
      },
    ])
    expect(ended.renamed.code).toBe(1)
    expect(ended.files.stdout).toContain('~ store per-customer is gone and by-customer is new')
  })

  it('is drawn', () => {
    expect(ended.svg.stdout).toMatch(/^<svg [\s\S]*per-customer[\s\S]*<\/svg>\n$/)
  })

  it('starts anew after a reset, which deletes no topic of the user', () => {
    expect(lines(ended.reset.stdout)).toEqual([
      {
        event: 'reset',
        application: 'shop',
        deleted: ['shop-per-customer-changelog', 'shop-per-customer-repartition'],
      },
    ])
  })
})
