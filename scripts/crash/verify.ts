/**
 * The judge: reads everything that is visible in the folder and compares it with a naive recomputation from the input as
 * it stands in the log. It shares nothing with the engine but the reading of the log.
 */
import type { Broker } from '../../src/core/broker.ts'
import { SILENT } from '../../src/core/log.ts'
import { type BrokerPlace, openBroker } from './broker.ts'
import {
  added,
  customerOf,
  type Joined,
  NO_TOTAL,
  type Order,
  orderText,
  type Scored,
  scoreOf,
  type Total,
} from './load.ts'
import { APPLICATION, audit, orders, scored, totals } from './pipeline.ts'

export interface Verdict {
  readonly inputs: number
  readonly malformed: number
  lost: number
  duplicated: number
  wrong: number
  /** The first few things that are not as they should be. */
  readonly findings: string[]
}

interface Seen {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: ReadonlyMap<string, string>
}

export interface Expectation extends BrokerPlace {
  readonly seed: number
  /** Highest acknowledged end of each partition of orders that any life reported. */
  readonly acknowledged: readonly number[]
  readonly exactly: boolean
}

const FINDINGS = 20

export async function verify(expectation: Expectation): Promise<Verdict> {
  const cluster = await openBroker(expectation, SILENT)
  try {
    return await judge(await cluster.connect(), expectation)
  } finally {
    await cluster.close()
  }
}

async function judge(broker: Broker, expectation: Expectation): Promise<Verdict> {
  const input = await readTopic(broker, orders.name)
  const valid: Scored[] = []
  const malformed: string[] = []
  for (const { partition, offset, value } of input) {
    const parsed = parse(value)
    if (parsed === undefined) malformed.push(`${orders.name}-${partition}-${offset}`)
    else valid.push({ ...parsed, ...customerOf(parsed.customer), score: scoreOf(parsed.id) })
  }
  const verdict: Verdict = {
    inputs: input.length,
    malformed: malformed.length,
    lost: 0,
    duplicated: 0,
    wrong: 0,
    findings: [],
  }
  judgeInput(input, expectation, verdict)
  judgeOutput(audit.name, await readTopic(broker, audit.name), valid.map(withoutScore), expectation, verdict)
  judgeOutput(scored.name, await readTopic(broker, scored.name), valid, expectation, verdict)
  judgeTotals(await readTopic(broker, totals.name), valid, expectation, verdict)
  judgeLetters(await readTopic(broker, `${APPLICATION}-dead-letters`), malformed, verdict)
  await judgeLedgers(broker, verdict)
  return verdict
}

function withoutScore({ id, customer, amount, name, level }: Scored): Joined {
  return { id, customer, amount, name, level }
}

function note(verdict: Verdict, kind: 'lost' | 'duplicated' | 'wrong', text: string, count = 1): void {
  verdict[kind] += count
  if (verdict.findings.length < FINDINGS) verdict.findings.push(`${kind}: ${text}`)
}

/** The log of the input itself: what was acknowledged is there, as it was written. */
function judgeInput(input: readonly Seen[], { seed, acknowledged }: Expectation, verdict: Verdict): void {
  const counts = new Map<number, number>()
  for (const { partition, offset, value } of input) {
    const expected = counts.get(partition) ?? 0
    counts.set(partition, expected + 1)
    if (offset !== expected || value !== orderText(seed, partition, offset))
      note(verdict, 'wrong', `orders-${partition} offset ${offset} is not what was written`)
  }
  acknowledged.forEach((end, partition) => {
    const missing = end - (counts.get(partition) ?? 0)
    if (missing > 0) note(verdict, 'lost', `orders-${partition}: ${missing} acknowledged records`, missing)
  })
}

/** Every input once, as it should be, and per key in the order of the input. */
function judgeOutput(
  topic: string,
  output: readonly Seen[],
  expected: readonly Order[],
  { exactly }: Expectation,
  verdict: Verdict,
): void {
  const wanted = new Map(expected.map((order) => [order.id, JSON.stringify(sorted(order))]))
  const times = new Map<string, number>()
  const orderOfKey = new Map<string, string[]>()
  for (const { partition, offset, key, value } of output) {
    const order = parse(value)
    const at = `${topic}-${partition} offset ${offset}`
    if (
      order === undefined ||
      wanted.get(order.id) !== JSON.stringify(sorted(order)) ||
      key !== order.customer
    ) {
      note(verdict, 'wrong', `${at}: ${key} ${value}`)
      continue
    }
    const seen = (times.get(order.id) ?? 0) + 1
    times.set(order.id, seen)
    if (seen > 1) note(verdict, 'duplicated', `${at}: ${order.id} for the ${seen}th time`)
    else orderOfKey.set(key, [...(orderOfKey.get(key) ?? []), order.id])
  }
  for (const { id, customer } of expected)
    if (!times.has(id)) note(verdict, 'lost', `${topic}: ${id} of ${customer}`)
  if (exactly) judgeOrder(topic, orderOfKey, expected, verdict)
}

function judgeOrder(
  topic: string,
  came: ReadonlyMap<string, readonly string[]>,
  expected: readonly Order[],
  verdict: Verdict,
): void {
  for (const [key, ids] of came) {
    const right = expected.filter(({ id, customer }) => customer === key && ids.includes(id))
    const first = ids.findIndex((id, at) => right[at]?.id !== id)
    if (first >= 0) note(verdict, 'wrong', `${topic}: order of ${key} from ${ids[first]} on`)
  }
}

/** Every update of every key, in sequence; at-least-once can only promise that it counted at least everything. */
function judgeTotals(
  output: readonly Seen[],
  valid: readonly Scored[],
  { exactly }: Expectation,
  verdict: Verdict,
): void {
  const expected = new Map<string, Total[]>()
  for (const order of valid) {
    const updates = expected.get(order.customer) ?? []
    updates.push(added(updates.at(-1) ?? NO_TOTAL, order))
    expected.set(order.customer, updates)
  }
  const came = new Map<string, Total[]>()
  for (const { key, value } of output) {
    const updates = came.get(key!) ?? []
    came.set(key!, updates)
    updates.push(JSON.parse(value!) as Total)
  }
  for (const [key, right] of expected) {
    const updates = came.get(key) ?? []
    if (exactly) judgeSequence(key, updates, right, verdict)
    else if ((updates.at(-1)?.count ?? 0) < right.length) note(verdict, 'lost', `totals of ${key}`)
  }
  for (const key of came.keys()) if (!expected.has(key)) note(verdict, 'wrong', `totals of ${key}`)
}

function judgeSequence(key: string, came: readonly Total[], right: readonly Total[], verdict: Verdict): void {
  const first = right.findIndex((total, at) => JSON.stringify(total) !== JSON.stringify(came[at]))
  if (first >= 0) {
    note(verdict, 'wrong', `totals of ${key}: update ${first} is ${JSON.stringify(came[first])}`)
    note(verdict, 'wrong', `  expected ${JSON.stringify(right[first])}`, 0)
  }
  if (came.length < right.length) note(verdict, 'lost', `totals of ${key}`, right.length - came.length)
  if (came.length > right.length) note(verdict, 'duplicated', `totals of ${key}`, came.length - right.length)
}

/** Every malformed order once, and nothing else. */
function judgeLetters(output: readonly Seen[], malformed: readonly string[], verdict: Verdict): void {
  const times = new Map<string, number>()
  for (const { headers } of output) {
    const place = ['topic', 'partition', 'offset'].map((part) => headers.get(`__streams.errors.${part}`))
    const id = place.join('-')
    times.set(id, (times.get(id) ?? 0) + 1)
    if (times.get(id)! > 1) note(verdict, 'duplicated', `dead letter of ${id}`)
    else if (!malformed.includes(id))
      note(verdict, 'wrong', `dead letter of ${id}: ${headers.get('__streams.errors.message')}`)
  }
  for (const id of malformed) if (!times.has(id)) note(verdict, 'lost', `dead letter of ${id}`)
}

/** Nothing may wait in a ledger when the application has come to rest. */
async function judgeLedgers(broker: Broker, verdict: Verdict): Promise<void> {
  const ledgers = (await broker.admin.describeTopics()).filter(({ name }) =>
    name.endsWith('-ledger-changelog'),
  )
  if (ledgers.length === 0) note(verdict, 'wrong', 'there is no ledger')
  for (const { name } of ledgers) {
    const last = new Map<string, Seen>()
    for (const entry of await readTopic(broker, name)) last.set(`${entry.partition} ${entry.key}`, entry)
    for (const { partition, offset, value } of last.values())
      if (value !== null) note(verdict, 'wrong', `${name}-${partition} offset ${offset} was never answered`)
  }
}

async function readTopic(broker: Broker, topic: string): Promise<readonly Seen[]> {
  const all: Seen[] = []
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  const [description] = await broker.admin.describeTopics([topic])
  for (let partition = 0; partition < description!.partitions; partition++) {
    const end = await broker.admin.listOffset(topic, partition, 'latest', 'read_committed')
    let position = await broker.admin.listOffset(topic, partition, 'earliest', 'read_committed')
    fetcher.add(topic, partition, position)
    while (position < end) {
      await fetcher.arrived(1_000)
      for (const batch of fetcher.take()) {
        if (batch.kind === 'failed') throw batch.error
        for (let at = 0; at < batch.count; at++) {
          all.push({
            partition,
            offset: batch.offsetAt(at),
            key: text(batch.keyAt(at), 'latin1'),
            value: text(batch.valueAt(at), 'utf8'),
            headers: new Map(batch.headersAt(at).map(({ key, value }) => [key, text(value, 'utf8') ?? ''])),
          })
        }
        position = batch.nextOffset
      }
    }
    fetcher.remove(topic, partition)
  }
  fetcher.close()
  return all
}

function text(bytes: Uint8Array | null, encoding: 'utf8' | 'latin1'): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString(encoding)
}

function parse(value: string | null): Order | undefined {
  try {
    return JSON.parse(value!) as Order
  } catch {
    return undefined
  }
}

function sorted(order: object): object {
  return Object.fromEntries(Object.entries(order).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
