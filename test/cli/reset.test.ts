/** What a reset deletes and what never, through the real commands: a whole application, and single stores of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeProject } from './command.ts'
import type { Ended, Project } from './command.ts'
import { sluiceAll } from './in-one-process.ts'

const app = (totals: string): string => `
import { defineApp, json, string, topic } from 'sluice'
const users = topic('users', { key: string, value: json<{ name: string }>() })
const orders = topic('orders', { key: string, value: json<{ total: number }>() })
const out = topic('out', { key: string, value: json() })
export default defineApp('shop', (flow) => {
  const stream = flow.stream(orders)
  stream.join(flow.table(users, { store: 'users' }), ({ total }, { name }) => name + ' ' + total).to(out)
  stream.groupByKey({ name: 'by-customer' }).${totals}.toStream().to(out)
}, { naming: 'kafka-streams', optimization: ['reuse.ktable.source.topics'] })
`
const words = (line: string): readonly string[] => line.split(' ')

const COMMANDS = {
  makeUsers: 'topics create users --folder data --partitions 1',
  makeOrders: 'topics create orders --folder data --partitions 1',
  users: 'produce users users.jsonl --folder data',
  orders: 'produce orders orders.jsonl --folder data',
  first: 'run old.ts --folder data --until-done --log-level error',
  refused: 'run new.ts --folder data --until-done --log-level error',
  unasked: 'reset new.ts --folder data --store totals',
  unknown: 'reset new.ts --folder data --store total --yes',
  theirs: 'reset new.ts --folder data --store users --yes',
  one: 'reset new.ts --folder data --store totals --yes --json',
  more: 'produce orders orders.jsonl --folder data',
  second: 'run new.ts --folder data --until-done --log-level error --print out',
  all: 'reset new.ts --folder data --yes --json',
  left: 'consume users --folder data --json',
} as const

let project: Project
let ended: Readonly<Record<keyof typeof COMMANDS, Ended>>
beforeAll(() => {
  project = makeProject({
    'old.ts': app("count({ store: 'totals' })"),
    'new.ts': app(
      "aggregate<number>({ store: 'totals', init: () => 0, add: (sum, { total }) => sum + total })",
    ),
    'users.jsonl': '{"key":"a","value":{"name":"Ann"}}\n',
    'orders.jsonl': '{"key":"a","value":{"total":5}}\n',
  })
  const outcomes = sluiceAll(project.folder, Object.values(COMMANDS).map(words))
  ended = Object.fromEntries(Object.keys(COMMANDS).map((name, at) => [name, outcomes[at]!])) as typeof ended
}, 60_000)
afterAll(() => project.remove())

describe('sluice reset --store', () => {
  it('lets a store of another type begin empty where the new version would not start', () => {
    expect(ended.refused.stderr).toContain('store "totals" changed type')
    expect(ended.refused.stderr).toContain('sluice reset --store')
    expect(JSON.parse(ended.one.stdout)).toEqual({
      event: 'reset',
      application: 'shop',
      deleted: ['shop-totals-changelog'],
      stores: ['totals'],
    })
  })

  it('keeps positions and the other stores', () => {
    expect(ended.second.code).toBe(0)
    const values = ended.second.stdout.split('\n').filter((line) => line.includes('out'))
    // The new order only, joined with a user from before, summed from nothing.
    expect(values).toHaveLength(2)
    expect(values.join()).toContain('Ann 5')
  })

  it('wants to be asked twice, and names that are stores of the application', () => {
    expect(ended.unasked.stderr).toContain('--yes')
    expect(ended.unknown.stderr).toContain('totals')
    expect(ended.unknown.code).not.toBe(0)
  })

  it('never touches a topic of the user that is the changelog of a table', () => {
    expect(ended.theirs.stderr).toContain('is the topic users, which is yours')
    expect(JSON.parse(ended.all.stdout)).toMatchObject({ deleted: ['shop-totals-changelog'] })
    expect(ended.left.stdout).toContain('Ann')
  })
})
