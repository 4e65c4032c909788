/**
 * Order processing, as tutorials of Kafka Streams tell it: lines of text are parsed, joined with their user, split into premium
 * and standard, and counted three ways over time: orders per hour, revenue over five minutes, and sessions of shopping.
 *
 *   npm run sluice explain examples/orders/app.ts
 *   npm run sluice run examples/orders/app.ts -- --broker kafka://localhost:9092   (four times: four workers share the tasks)
 */
import { defineApp, hopping, json, session, string, topic, tumbling } from 'sluice'
import type { App, Windowed } from 'sluice'

export interface Order {
  readonly id: string
  readonly user: string
  /** Cents. */
  readonly amount: number
}

export interface User {
  readonly name: string
  readonly tier: 'premium' | 'standard'
}

export interface UserOrder extends Order, User {}

/** A number of one user in one window of event time; both times in ms since 1970. */
export interface Tally {
  readonly user: string
  readonly start: number
  readonly end: number
  readonly total: number
}

/** `id,user,cents`, as a till sends it. */
export const lines = topic('order-lines', { key: string, value: string })
export const users = topic('users', { key: string, value: json<User>() })
export const premium = topic('premium-orders', { key: string, value: json<UserOrder>() })
export const standard = topic('standard-orders', { key: string, value: json<UserOrder>() })
export const hourly = topic('orders-per-hour', { key: string, value: json<Tally>() })
export const revenue = topic('revenue', { key: string, value: json<Tally>() })
export const visits = topic('shopping-sessions', { key: string, value: json<Tally>() })

/** An order out of a line. @throws for a line that is none: it goes to the dead letters */
export function parse(line: string): Order {
  const match = /^(\w+),(\w+),(\d{1,9})$/.exec(line)
  if (match === null) throw new Error(`expected id,user,cents; got ${JSON.stringify(line)}`)
  return { id: match[1]!, user: match[2]!, amount: Number(match[3]) }
}

function tally(total: number | null, { key, start, end }: Windowed<string>): readonly [string, Tally | null] {
  return [key, total === null ? null : { user: key, start, end, total }]
}

const app: App = defineApp('order-processing', (flow) => {
  const orders = flow
    .stream(lines)
    .filter((line) => !line.startsWith('#'))
    .mapValues(parse)
    .selectKey((order) => order.user)
    .join(flow.table(users), (order, user): UserOrder => ({ ...order, ...user }), { name: 'with-user' })
  const { premium: big, default: rest } = orders.branch({ premium: (order) => order.tier === 'premium' })
  big.to(premium)
  rest.to(standard)
  const byUser = orders.groupByKey()
  byUser
    .windowedBy(tumbling('1h', { grace: '10m' }))
    .count({ name: 'per-hour' })
    .toStream()
    .map(tally)
    .to(hourly)
  byUser
    .windowedBy(hopping('5m', { advance: '1m', grace: '10m' }))
    .aggregate({ name: 'revenue', init: () => 0, add: (sum, order) => sum + order.amount })
    .toStream()
    .map(tally)
    .to(revenue)
  byUser
    .windowedBy(session('30m', { grace: '10m' }))
    .count({ name: 'sessions' })
    .toStream()
    .map(tally)
    .to(visits)
})

export default app
