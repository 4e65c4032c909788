/** The stream workloads of the peers in `shared/bench`, said in Sluice: same keys, fields and partitioning of what they write. */
import {
  defineApp,
  json,
  string,
  topic,
  tumbling,
  type App,
  type Serde,
  type Topic,
} from '../../src/index.ts'
import { int64 } from '../../src/serdes/index.ts'

interface Rating {
  rating_id: number
  user_id: number
  stars: number
  route_id: number
  rating_time: number
  channel: string
  message: string
}

interface Customer {
  first_name: string
  last_name: string
  email: string
  club_status: string
}

interface Click {
  click_id: number
  page: string
  referrer: string
}

/** The topics of a run, as the measuring program gives them. */
export interface Topics {
  readonly in: string
  readonly in2: string
  readonly table: string
  readonly out: string
}

export const NAMES: readonly string[] = ['S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'R1']

/** @param announce called at each read of the measured stream, before it is processed */
export function workload(name: string, group: string, topics: Topics, announce: () => void): App {
  const ratings = topic(topics.in, {
    key: announcing(string, announce),
    value: announcing(json<Rating>(), announce),
  })
  switch (name) {
    case 'S1':
      return opinions(group, ratings, topics)
    case 'S2':
      return defineApp(group, (flow) => {
        const counts = flow.stream(ratings).groupByKey().count({ name: 'counts' })
        counts.toStream().to(topic(topics.out, { key: string, value: int64 }))
      })
    case 'S3':
      return perMinute(group, ratings, topics)
    case 'S4':
    case 'S6':
      return enriched(name, group, ratings, topics)
    case 'S5':
      return attributed(group, ratings, topics)
    case 'R1':
      return defineApp(group, (flow) => {
        flow
          .stream(ratings)
          .groupByKey()
          .reduce((_, now) => now, { name: 'latest' })
      })
    default:
      throw new Error(`no workload ${name}; there are ${NAMES.join(', ')}`)
  }
}

function opinions(group: string, ratings: Topic<string, Rating>, { out }: Topics): App {
  return defineApp(group, (flow) => {
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
      .to(topic(out, { key: string, value: json() }))
  })
}

function perMinute(group: string, ratings: Topic<string, Rating>, { out }: Topics): App {
  return defineApp(group, (flow) => {
    flow
      .stream(ratings)
      .groupByKey()
      .windowedBy(tumbling('1m', { grace: '30s' }))
      .count({ name: 'per-minute' })
      .toStream()
      .map((count, { key, start }) => [`${key}@${start}`, count])
      .to(topic(out, { key: string, value: int64 }))
  })
}

function enriched(name: string, group: string, ratings: Topic<string, Rating>, topics: Topics): App {
  const customers = topic(topics.table, { key: string, value: json<Customer>() })
  const join = (rating: Rating, { first_name, last_name, email, club_status }: Customer): object => ({
    ...rating,
    first_name,
    last_name,
    email,
    club_status,
  })
  return defineApp(group, (flow) => {
    const stream = flow.stream(ratings)
    const joined =
      name === 'S4'
        ? stream.join(flow.table(customers, { name: 'customers' }), join)
        : stream.joinGlobal(
            flow.globalTable(customers, { name: 'customers' }),
            { key: ({ user_id }) => String(user_id) },
            join,
          )
    joined.to(topic(topics.out, { key: string, value: json() }))
  })
}

function attributed(group: string, ratings: Topic<string, Rating>, topics: Topics): App {
  const clicks = topic(topics.in2, { key: string, value: json<Click>() })
  return defineApp(group, (flow) => {
    flow
      .stream(ratings)
      .join(
        flow.stream(clicks),
        ({ rating_id, user_id, stars }, { click_id, page, referrer }) => ({
          rating_id,
          click_id,
          user_id,
          stars,
          page,
          referrer,
        }),
        { within: '10s', grace: '60s', name: 'attributed' },
      )
      .to(topic(topics.out, { key: string, value: json() }))
  })
}

/** The first key or value it reads is the start of the measurement; which of them is read at all depends on the workload. */
function announcing<V>(serde: Serde<V>, announce: () => void): Serde<V> {
  const { deserialize, deserializeAt } = serde
  return {
    ...serde,
    deserialize: (bytes) => {
      announce()
      return deserialize(bytes)
    },
    ...(deserializeAt === undefined
      ? {}
      : {
          deserializeAt: (bytes, from, to) => {
            announce()
            return deserializeAt(bytes, from, to)
          },
        }),
  }
}
