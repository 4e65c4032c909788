/** What the API of the shop answers: it depends on the question alone, so that the check at the end can ask once more. */
import type { Profile, Voucher } from './app.ts'

/** @returns undefined where there is nothing */
export function answerOf(path: string): Profile | Voucher | undefined {
  const [, what, id] = path.split('/')
  if (what === 'profiles') return profileOf(Number(id))
  return what === 'vouchers' ? voucherOf(Number(id)) : undefined
}

export function profileOf(customer: number): Profile {
  return { since: 2001 + ((customer * 7) % 23), points: (customer * 1_237) % 9_000 }
}

export function voucherOf(rating: number): Voucher {
  return { code: `SORRY-${String(rating).padStart(5, '0')}`, euros: 10 + ((rating * 5) % 45) }
}
