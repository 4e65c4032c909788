/**
 * The shop: ratings are joined with customers, enriched with their profile, and an unhappy platinum customer gets a voucher and a
 * message in a chat room. Both services are behind a circuit breaker: a profile one can do without, a voucher not.
 *
 *   npm run sluice explain examples/shop/app.ts
 */
import { defineApp, json, string, topic } from 'sluice'
import type { App } from 'sluice'
import { http } from 'sluice/enrich'
import type { BreakerOptions } from 'sluice/enrich'

export interface Rating {
  readonly rating_id: number
  /** -1 to 20; there are customers 1 to 20. */
  readonly user_id: number
  /** 1 to 5. */
  readonly stars: number
  readonly route_id: number
  /** Milliseconds since 1970. */
  readonly rating_time: number
  readonly channel: string
  readonly message: string
}

/** A row of the SQLite table. */
export interface Customer {
  readonly id: number
  readonly first_name: string
  readonly last_name: string
  readonly email: string
  readonly club_status: string
  /** Grows with every write of the table. */
  readonly version: number
}

/** What the profile API knows of a customer. */
export interface Profile {
  readonly since: number
  readonly points: number
}

export interface Voucher {
  readonly code: string
  readonly euros: number
}

export interface RatingOfCustomer extends Rating {
  readonly name: string
  readonly email: string
  readonly club_status: string
  /** Of the customer's row it was joined with. */
  readonly version: number
  /** Null when the API did not answer. */
  readonly profile: Profile | null
}

export interface Apology extends RatingOfCustomer {
  readonly voucher: Voucher | null
}

export const ratings = topic('ratings', { key: string, value: json<Rating>() })
export const customers = topic('customers', { key: string, value: json<Customer>() })
export const enriched = topic('ratings-with-customer-data', { key: string, value: json<RatingOfCustomer>() })
export const unhappy = topic('unhappy-platinum-customers', { key: string, value: json<RatingOfCustomer>() })
export const apologies = topic('apologies', { key: string, value: json<Apology>() })

export interface Services {
  /** Base URL of the API of profiles and vouchers. */
  readonly api: string
  /** Where chat messages are posted to. */
  readonly chat: string
}

/** Touchier than the defaults, so that a demo of half a minute shows all of it. */
const BREAKER: BreakerOptions = { window: 20, minimum: 8, wait: '500ms', probes: 2 }

/** The application, for services at these addresses. */
export function shop({ api, chat }: Services): App {
  return defineApp('shop', (flow) => {
    const rated = flow
      .stream(ratings)
      .selectKey((rating) => String(rating.user_id))
      .join(flow.table(customers), addCustomer, { name: 'of-customer' })
      .enrich(
        {
          // Rather no profile than a late rating: while the API is down nobody waits for it.
          profile: http<Profile>(`${api}/profiles/{key}`, {
            timeout: '500ms',
            retry: 2,
            breaker: { ...BREAKER, whenOpen: 'give-up' },
          }),
        },
        { name: 'profile', fallback: { profile: null } },
      )
    rated.to(enriched)
    rated.filter(isUnhappyPlatinum).to(unhappy)

    const apologised = flow.stream(unhappy).enrich(
      {
        // Rather a late voucher than none: it waits for the API, then becomes a dead letter that can be redriven.
        voucher: http<Voucher>(`${api}/vouchers/{value.rating_id}`, { timeout: '500ms', breaker: BREAKER }),
      },
      { name: 'voucher', deadline: '1500ms' },
    )
    apologised.to(apologies)
    apologised.enrich(http(chat, { method: 'POST', body: chatMessage, retry: 10 }), {
      name: 'chat',
      order: 'none',
    })
  })
}

function addCustomer(rating: Rating, customer: Customer): Omit<RatingOfCustomer, 'profile'> {
  const { first_name, last_name, email, club_status, version } = customer
  return { ...rating, name: `${first_name} ${last_name}`, email, club_status, version }
}

export function isUnhappyPlatinum({ stars, club_status }: RatingOfCustomer): boolean {
  return stars < 3 && club_status === 'platinum'
}

/** What the chat room is sent. */
export function chatMessage(apology: Apology): { readonly rating_id: number; readonly text: string } {
  const { rating_id, name, stars, channel, message, voucher } = apology
  const given = `${name} gave ${stars === 1 ? '1 star' : `${stars} stars`} (${channel}): “${message}”`
  return { rating_id, text: `${given} Voucher ${voucher?.code} over ${voucher?.euros} € is on its way.` }
}

/** For `sluice explain` and `sluice run`; the demo makes its own with the ports it was given. */
export default shop({
  api: process.env['SHOP_API_URL'] ?? 'http://127.0.0.1:8803',
  chat: process.env['SHOP_CHAT_URL'] ?? 'http://127.0.0.1:8804/chat',
})
