/**
 * The records of the crash run, as a pure function of seed, partition and offset: the instance writes them, the verifier
 * recomputes from them. Nothing here may depend on time, chance or what ran before.
 */

export const PARTITIONS = 4
const CUSTOMERS_PER_PARTITION = 40
const MALFORMED_EVERY = 97

export interface Order {
  /** `<partition>-<offset>` in the topic orders. */
  readonly id: string
  readonly customer: string
  readonly amount: number
}

export interface Customer {
  readonly name: string
  readonly level: number
}

export interface Joined extends Order {
  readonly name: string
  readonly level: number
}

export interface Scored extends Joined {
  readonly score: number
}

export interface Total {
  readonly count: number
  readonly sum: number
  readonly last: string
}

/** The value at an offset of orders: now and then one that is no JSON. */
export function orderText(seed: number, partition: number, offset: number): string {
  if (offset % MALFORMED_EVERY === MALFORMED_EVERY - 1) return `{"id":"${partition}-${offset}",`
  return JSON.stringify(orderOf(seed, partition, offset))
}

/** A customer buys in one region (partition) only, so that the input has one order per customer. */
function orderOf(seed: number, partition: number, offset: number): Order {
  const customer = customerId(partition, rank(fraction(mix(seed, partition, offset))))
  return { id: `${partition}-${offset}`, customer, amount: 1 + (mix(seed, offset, partition) % 500) }
}

export function customerId(partition: number, rank: number): string {
  return `c${partition}-${rank}`
}

export function customerOf(id: string): Customer {
  const hash = textHash(id)
  return { name: `name of ${id}`, level: hash % 5 }
}

export function allCustomers(): readonly string[] {
  return Array.from({ length: PARTITIONS * CUSTOMERS_PER_PARTITION }, (_, at) =>
    customerId(at % PARTITIONS, Math.floor(at / PARTITIONS)),
  )
}

/** What the service answers about an order. */
export function scoreOf(id: string): number {
  return textHash(`score ${id}`) % 1_000
}

export function added(total: Total, { id, amount, score }: Scored): Total {
  return { count: total.count + 1, sum: total.sum + amount * score, last: id }
}

export const NO_TOTAL: Total = { count: 0, sum: 0, last: '' }

const WEIGHTS = Array.from({ length: CUSTOMERS_PER_PARTITION }, (_, at) => 1 / (at + 1))
const WEIGHT = WEIGHTS.reduce((sum, weight) => sum + weight, 0)

/** Zipf: the first customer gets about a quarter of the orders of its region. */
function rank(at: number): number {
  let left = at * WEIGHT
  const found = WEIGHTS.findIndex((weight) => (left -= weight) < 0)
  return found < 0 ? CUSTOMERS_PER_PARTITION - 1 : found
}

function fraction(hash: number): number {
  return hash / 2 ** 32
}

function mix(...words: readonly number[]): number {
  let hash = 0x9e3779b9
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    hash ^= hash >>> 16
  }
  return hash >>> 0
}

function textHash(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
