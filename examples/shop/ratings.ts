/** Live ratings: so many a second, the n-th always of the same content, so that a restart goes on with the next one. */
import type { RecordSource } from 'sluice/embed'
import { ratings } from './app.ts'
import type { Rating } from './app.ts'

const CHANNELS = ['web', 'iOS', 'ios', 'iOS-test', 'android']

const COMPLAINTS = [
  'two hours on the ground and no word.',
  'my bag took another flight.',
  'the app lost my booking again.',
  'cold meal, cold cabin.',
  'boarding was a mess.',
  'nobody answers your phone.',
]

const PRAISE = [
  'the seat by the window was worth it.',
  'friendly crew, good coffee!',
  'on time, as always.',
  'would fly again tomorrow.',
  'the upgrade made my day.',
]

/** @param rate ratings a second */
export function liveRatings(rate: number): RecordSource {
  return {
    label: 'live ratings',
    topics: [{ name: ratings.name, compacted: false }],
    open(position) {
      const first = Number(position ?? 0)
      const began = performance.now()
      let next = first
      return Promise.resolve({
        poll(limit) {
          const due = first + Math.floor(((performance.now() - began) * rate) / 1000)
          const until = Math.min(due, next + limit)
          const now = Date.now()
          const records = []
          for (; next < until; next++) {
            const rating = ratingOf(next, now)
            records.push({
              topic: ratings.name,
              key: String(rating.rating_id),
              value: JSON.stringify(rating),
              timestamp: now,
            })
          }
          return Promise.resolve({ records, position: String(next), atEnd: next === due })
        },
        close: () => Promise.resolve(),
      })
    },
  }
}

function ratingOf(at: number, now: number): Rating {
  const stars = pick(at, 2, 5) + 1
  const messages = stars < 3 ? COMPLAINTS : PRAISE
  return {
    rating_id: at + 1,
    user_id: pick(at, 1, 22) - 1,
    stars,
    route_id: pick(at, 3, 10_000),
    rating_time: now,
    channel: CHANNELS[pick(at, 4, CHANNELS.length)]!,
    message: messages[pick(at, 5, messages.length)]!,
  }
}

/** A number below `limit` that looks like chance and depends on place and purpose alone. */
function pick(at: number, purpose: number, limit: number): number {
  let mixed = Math.imul(at + 1, 0x9e3779b1) ^ Math.imul(purpose, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return ((mixed ^ (mixed >>> 16)) >>> 0) % limit
}
