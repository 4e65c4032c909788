/** What the benchmark of the engine runs: applications, their records, and how many results there must be. The same on every machine. */
import { defineApp, json, string, topic, tumbling, type App } from '../src/index.ts'
import { int64 } from '../src/serdes/index.ts'
import { lateRating } from './late-ratings.ts'

export interface Rating {
  rating_id: number
  user_id: number
  stars: number
  route_id: number
  rating_time: number
  channel: string
  message: string
}

export interface Customer {
  id: number
  first_name: string
  last_name: string
  email: string
  club_status: string
}

export interface Click {
  click_id: number
  user_id: number
  page: string
  click_time: number
  referrer: string
}

export interface Workload {
  readonly name: string
  readonly aim: number
  readonly app: App
  /** Ratings as the peer's S3 has them, so many ms apart. */
  readonly stepMs?: number
  /** Half of the records are clicks; both halves are 1 ms apart. */
  readonly clicks?: boolean
  /** Records expected in `out`, or undefined when coalescing makes it vary (then between 1 and the input). */
  readonly outputs: (records: number) => number | undefined
  readonly table: boolean
}

export const PARTITIONS: number = 8
export const VALUE_BYTES: number = 200
const MESSAGE =
  'why is it so difficult to keep the bathrooms clean? peeved again, and the seat in front was broken as well'
export const USERS: number = 10_000
const CHANNELS = ['web', 'iOS', 'android', 'iOS-test', 'web-test']

const ratings = topic('ratings', { key: string, value: json<Rating>() })
const customers = topic('customers', { key: string, value: json<Customer>() })
const clicks = topic('clicks', { key: string, value: json<Click>() })
/** Of the join of ratings with clicks. */
const WITHIN_MS = 10_000

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'stateless',
    aim: 300_000,
    table: false,
    outputs: (records) =>
      countWhere(records, (rating) => !rating.channel.endsWith('-test') && rating.stars >= 2),
    app: defineApp('bench-stateless', (flow) => {
      flow
        .stream(ratings)
        .filter((rating) => !rating.channel.endsWith('-test') && rating.stars >= 2)
        .mapValues(({ rating_id, user_id, stars, channel, message }) => ({
          rating_id,
          user_id,
          stars,
          channel,
          poor: stars < 3,
          message,
        }))
        .to(topic('out', { key: string, value: json() }))
    }),
  },
  {
    name: 'count',
    aim: 200_000,
    table: false,
    outputs: () => undefined,
    app: defineApp('bench-count', (flow) => {
      flow
        .stream(ratings)
        .groupByKey()
        .count()
        .toStream()
        .to(topic('out', { key: string, value: json<number>() }))
    }),
  },
  {
    name: 'join',
    aim: 150_000,
    table: true,
    outputs: (records) => records,
    app: defineApp('bench-join', (flow) => {
      flow
        .stream(ratings)
        .join(flow.table(customers), (rating, customer) => ({
          ...rating,
          first_name: customer.first_name,
          last_name: customer.last_name,
          club_status: customer.club_status,
        }))
        .to(topic('out', { key: string, value: json() }))
    }),
  },
  {
    name: 'pairs',
    aim: 60_000,
    table: false,
    clicks: true,
    outputs: pairsAmong,
    app: defineApp('bench-pairs', (flow) => {
      const attributed = (
        { rating_id, user_id, stars }: Rating,
        { click_id, page, referrer }: Click,
      ): object => ({ rating_id, click_id, user_id, stars, page, referrer })
      flow
        .stream(ratings)
        .join(flow.stream(clicks), attributed, { within: WITHIN_MS, grace: '60s', name: 'attributed' })
        .to(topic('out', { key: string, value: json() }))
    }),
  },
  windowsOf('S3-dense', 1, 107_000),
  windowsOf('S3-sparse', 100, 51_000),
]

/** Count per key in 1-minute windows, late records for 30 s; the aims are 1.5 and 10 times the peer's. */
function windowsOf(name: string, stepMs: number, aim: number): Workload {
  const app = defineApp(`bench-${name}`, (flow) => {
    flow
      .stream(ratings)
      .groupByKey()
      .windowedBy(tumbling('1m', { grace: '30s' }))
      .count({ name: 'per-minute' })
      .toStream()
      .selectKey((_, { key, start }) => `${key}@${start}`)
      .to(topic('out', { key: string, value: int64 }))
  })
  return { name, aim, table: false, stepMs, outputs: () => undefined, app }
}

function ratingOf(index: number): Rating {
  // A cheap mix of the index: the same records on every machine, keys spread over all users.
  const mixed = Math.imul(index ^ 0x9e3779b9, 0x85ebca6b) >>> 0
  return {
    rating_id: index,
    user_id: (mixed >>> 8) % USERS,
    stars: 1 + (mixed % 5),
    route_id: mixed % 9_000,
    rating_time: 1_700_000_000_000 + index * 100,
    channel: CHANNELS[(mixed >>> 4) % CHANNELS.length]!,
    message: '',
  }
}

export function clickOf(index: number): Click {
  const mixed = Math.imul(index ^ 0x85ebca6b, 0x9e3779b9) >>> 0
  return {
    click_id: index,
    user_id: (mixed >>> 8) % USERS,
    page: `/products/${mixed % 9_000}`,
    click_time: 1_700_000_000_000 + index,
    referrer: MESSAGE,
  }
}

function denseRatingOf(index: number): Rating {
  return { ...ratingOf(index), rating_time: 1_700_000_000_000 + index }
}

/** Ratings and clicks of one user not more than WITHIN_MS apart, of half the records each. */
function pairsAmong(records: number): number {
  const clicked = Array.from({ length: USERS }, (): number[] => [])
  const half = records >> 1
  for (let index = 0; index < half; index++) clicked[clickOf(index).user_id]!.push(index)
  let pairs = 0
  for (let index = 0; index < half; index++)
    for (const at of clicked[ratingOf(index).user_id]!) if (Math.abs(at - index) <= WITHIN_MS) pairs++
  return pairs
}

/** A rating as it lies in the topic: exactly VALUE_BYTES of JSON, filled up by its message. */
export function ratingText(rating: Rating): string {
  const missing = VALUE_BYTES - JSON.stringify(rating).length
  return JSON.stringify({ ...rating, message: MESSAGE.slice(0, missing) })
}

function countWhere(records: number, keep: (rating: Rating) => boolean): number {
  let count = 0
  for (let index = 0; index < records; index++) if (keep(ratingOf(index))) count++
  return count
}

export function ratingFor({ clicks: dense, stepMs }: Workload, index: number): Rating {
  if (stepMs === undefined) return dense === true ? denseRatingOf(index) : ratingOf(index)
  const { user, time } = lateRating(index, stepMs)
  return { ...ratingOf(index), user_id: user, rating_time: time }
}

export function customerOf(id: number): Customer {
  return {
    id,
    first_name: `First${id}`,
    last_name: `Last${id}`,
    email: `customer${id}@example.com`,
    club_status: id % 3 === 0 ? 'platinum' : 'gold',
  }
}
