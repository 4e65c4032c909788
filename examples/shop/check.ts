/**
 * Was anything lost, doubled or mixed up? Everything that came out, of all runs in the folder, is compared with what must have come
 * out: computed anew from the ratings, the versions of the customers in SQLite, and what the API answers.
 */
import { follow } from 'sluice/embed'
import type { Followed, Runtime } from 'sluice/embed'
import { apologies, enriched, isUnhappyPlatinum, ratings, unhappy } from './app.ts'
import type { Apology, Rating, RatingOfCustomer } from './app.ts'
import { profileOf, voucherOf } from './answers.ts'
import type { ChatLine } from './chat.ts'
import { customerVersions } from './customers.ts'
import type { CustomerVersion } from './customers.ts'

/** One stage of the pipeline. */
export interface Finding {
  readonly what: string
  /** So many there must be. */
  readonly expected: number
  readonly seen: number
  readonly lost: number
  readonly doubled: number
  /** Not what was expected: never rated, a customer as he never was, a wrong answer. */
  readonly wrong: number
}

/** @param file the customers of the shop */
export async function check(
  runtime: Runtime,
  file: string,
  chat: readonly ChatLine[],
): Promise<readonly Finding[]> {
  const versions = customerVersions(file)
  const known = new Set(Array.from(versions.values(), ({ id }) => id))
  const rated = new Map((await all(runtime, ratings)).map(({ value }) => [value.rating_id, value]))
  const joined = (await all(runtime, enriched)).map(({ value }) => value)
  // A redriven letter is written behind the end of its topic once more: that is a second try, not a second rating.
  const upset = (await all(runtime, unhappy)).filter((record) => !isRedriven(record))
  const sorry = (await all(runtime, apologies)).map(({ value }) => value)
  const ofCustomers = [...rated.values()].filter(({ user_id }) => known.has(user_id))
  const ofPlatinum = joined.filter(isUnhappyPlatinum)
  return [
    compare('ratings with customer data', ofCustomers, joined, (one) => isJoined(one, rated, versions)),
    compare(
      'unhappy platinum customers',
      ofPlatinum,
      upset.map(({ value }) => value),
      isUnhappyPlatinum,
    ),
    compare('apologies with a voucher', ofPlatinum, sorry, hasVoucher),
    compare('messages in the chat room', sorry, chat, ({ text }) => text.includes('Voucher SORRY-')),
  ]
}

/** True if nothing is missing, twice, or wrong. */
export function isSound(findings: readonly Finding[]): boolean {
  return findings.every(({ lost, doubled, wrong }) => lost + doubled + wrong === 0)
}

interface Identified {
  readonly rating_id: number
}

function compare<T extends Identified>(
  what: string,
  expected: readonly Identified[],
  seen: readonly T[],
  right: (one: T) => boolean,
): Finding {
  const wanted = new Set(expected.map(({ rating_id }) => rating_id))
  const found = new Set(seen.map(({ rating_id }) => rating_id))
  return {
    what,
    expected: wanted.size,
    seen: seen.length,
    lost: [...wanted].filter((id) => !found.has(id)).length,
    doubled: seen.length - found.size,
    wrong: seen.filter((one) => !wanted.has(one.rating_id) || !right(one)).length,
  }
}

/** The rating as it was given, the customer as he once was, the profile as the API has it or none. */
function isJoined(
  came: RatingOfCustomer,
  rated: ReadonlyMap<number, Rating>,
  versions: ReadonlyMap<number, CustomerVersion>,
): boolean {
  const { name, email, club_status, version, profile, ...rating } = came
  const customer = versions.get(version)
  return (
    same(rating, rated.get(came.rating_id)) &&
    same({ version, id: came.user_id, name, email, club_status }, customer) &&
    (profile === null || same(profile, profileOf(came.user_id)))
  )
}

function hasVoucher({ voucher, rating_id }: Apology): boolean {
  return same(voucher, voucherOf(rating_id))
}

function same(came: unknown, expected: unknown): boolean {
  const text = (value: unknown): string =>
    JSON.stringify(Object.entries(value ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return text(came) === text(expected)
}

function isRedriven({ headers }: Followed<unknown, unknown>): boolean {
  return headers.some(({ key }) => key === 'sluice.redrive.letter')
}

type Present<V> = Followed<string, V> & { readonly value: V }

/** Every committed record of a topic. */
async function all<V>(
  runtime: Runtime,
  {
    name,
    ...serdes
  }: { readonly name: string } & Pick<Parameters<typeof follow<string, V>>[1], 'key' | 'value'>,
): Promise<readonly Present<V>[]> {
  const broker = runtime.connect()
  const records: Present<V>[] = []
  const follower = await follow<string, V>(broker, {
    topic: name,
    ...serdes,
    each: (record) => {
      if (record.value !== null) records.push({ ...record, value: record.value })
    },
  })
  await follower.caughtUp()
  await follower.close()
  await broker.close()
  return records
}
