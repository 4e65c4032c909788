/** The order-processing example on four instances, exactly once, against sums computed from the lines alone. */
import { afterEach, describe, expect, it } from 'vitest'
import app, { parse, type Tally, type User } from '../../examples/orders/app.ts'
import { NO_HEADERS } from '../../src/core/record.ts'
import { partitionOf } from '../../src/core/partitioner.ts'
import { Bench, until } from '../engine/runtime/bench-app.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const PARTITIONS = 4
const PEOPLE: readonly (readonly [string, User])[] = Array.from({ length: 8 }, (_, at) => [
  `u${at}`,
  { name: `User ${at}`, tier: at % 3 === 0 ? 'premium' : 'standard' },
])

interface Line {
  readonly line: string
  readonly time: number
}

/** Orders of all users in the order of their times, with long breaks, comments, a stranger and one line that is no order. */
function makeLines(): readonly Line[] {
  let time = Date.UTC(2026, 0, 1)
  const lines: Line[] = []
  for (let at = 0; at < 400; at++) {
    time += at % 50 === 49 ? 45 * MINUTE : (at * 7919) % (2 * MINUTE)
    lines.push({ line: `o${at},u${(at * 31) % 9},${100 + at}`, time })
    if (at % 100 === 7) lines.push({ line: '# closing the till', time })
  }
  return [...lines, { line: 'nonsense', time }]
}

const LINES = makeLines()
const ORDERS = LINES.filter(({ line }) => /^\w+,u[0-7],/.test(line)).map(({ line, time }) => ({
  ...parse(line),
  time,
}))

/** What a table of windows must hold in the end, as `user start-end total`. */
function expectedSteps(size: number, advance: number, amount: (cents: number) => number): readonly string[] {
  const totals = new Map<string, number>()
  for (const { user, amount: cents, time } of ORDERS) {
    const first = Math.floor(Math.max(0, time - size + advance) / advance) * advance
    for (let start = first; start <= time; start += advance) {
      const window = `${user} ${start}-${start + size}`
      totals.set(window, (totals.get(window) ?? 0) + amount(cents))
    }
  }
  return [...totals].map(([window, total]) => `${window} ${total}`).toSorted()
}

function expectedSessions(gap: number): readonly string[] {
  const found: string[] = []
  for (const [user] of PEOPLE) {
    let open: { start: number; end: number; count: number } | undefined
    const close = (): void => {
      if (open !== undefined) found.push(`${user} ${open.start}-${open.end} ${open.count}`)
    }
    for (const { time } of ORDERS.filter((order) => order.user === user)) {
      if (open !== undefined && time - open.end <= gap) open = { ...open, end: time, count: open.count + 1 }
      else {
        close()
        open = { start: time, end: time, count: 1 }
      }
    }
    close()
  }
  return found.toSorted()
}

let bench: Bench | undefined
afterEach(async () => {
  await bench?.close()
  bench = undefined
})

async function open(): Promise<Bench> {
  bench = await Bench.open()
  const out = ['premium-orders', 'standard-orders', 'orders-per-hour', 'revenue', 'shopping-sessions']
  await bench.topics(PARTITIONS, 'order-lines', 'users', ...out)
  await bench.write(
    'users',
    PEOPLE.map(([key, user]) => [key, JSON.stringify(user)] as const),
  )
  return bench
}

/** All lines in one partition, so that one task reads them in the order of their times. */
async function writeLines(b: Bench): Promise<void> {
  const producer = b.broker.producer({})
  await producer.init()
  const buffer = producer.buffer()
  const target = producer.target('order-lines', partitionOf('till', PARTITIONS))
  for (const { line, time } of LINES) buffer.append(target, 'till', line, time, NO_HEADERS)
  await producer.send(buffer)
  await producer.close()
}

/** The last total of each window. */
async function tallies(b: Bench, topic: string): Promise<readonly string[]> {
  const last = new Map<string, number>()
  for (const { value } of await b.read(topic)) {
    if (value === null) continue
    const { user, start, end, total } = JSON.parse(value) as Tally
    last.set(`${user} ${start}-${end}`, total)
  }
  return [...last].map(([window, total]) => `${window} ${total}`).toSorted()
}

describe('order processing', () => {
  it('on four instances gives each order once and the sums of every window', async () => {
    const b = await open()
    const states = ['a', 'b', 'c', 'd']
    const apps = await Promise.all(states.map((state) => b.start(app, { state })))
    const tasks = (): number => apps.reduce((sum, { tasks: own }) => sum + own.length, 0)
    await until('all tasks', () => apps.every(({ settled }) => settled) && tasks() === 2 * PARTITIONS)
    expect(apps.map(({ tasks: own }) => own.length)).toEqual([2, 2, 2, 2])
    await writeLines(b)
    const sorted = async (topic: string): Promise<readonly string[]> =>
      (await b.read(topic)).map(({ value }) => (JSON.parse(value!) as { id: string }).id).toSorted()
    const tierOf = new Map(PEOPLE.map(([key, { tier }]) => [key, tier]))
    const ids = (tier: string): readonly string[] =>
      ORDERS.filter(({ user }) => tierOf.get(user) === tier)
        .map(({ id }) => id)
        .toSorted()
    await b.visible('premium-orders', ids('premium').length)
    await b.visible('standard-orders', ids('standard').length)
    expect(await sorted('premium-orders')).toEqual(ids('premium'))
    expect(await sorted('standard-orders')).toEqual(ids('standard'))
    await Promise.all(apps.map((running) => running.close()))
    expect(await tallies(b, 'orders-per-hour')).toEqual(expectedSteps(HOUR, HOUR, () => 1))
    expect(await tallies(b, 'revenue')).toEqual(expectedSteps(5 * MINUTE, MINUTE, (cents) => cents))
    const sessions = await tallies(b, 'shopping-sessions')
    expect(sessions).toEqual(expect.arrayContaining([...expectedSessions(30 * MINUTE)]))
    const letters = await b.read('order-processing-dead-letters')
    expect(letters.map(({ value }) => value)).toEqual(['nonsense'])
  })
})
