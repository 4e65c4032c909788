/**
 * Compares the records that came with those that should have come. A difference is a Node `AssertionError` whose message is a
 * diff by record and field, so that it reads the same under vitest, node:test and any other runner.
 */
import { AssertionError } from 'node:assert'
import { inspect, isDeepStrictEqual } from 'node:util'
import type { Header } from '../core/record.ts'
import { differences } from './differences.ts'
import { aligned, type Aligned } from './record-alignment.ts'

/** What a record must be; what is left out is not compared. */
export interface ExpectedRecord<K = unknown, V = unknown> {
  readonly key?: K | null
  readonly value?: V | null
  /** Event time, ms since 1970. */
  readonly timestamp?: number
  /** Texts by name. Headers not named here are not compared. */
  readonly headers?: Readonly<Record<string, string | null>>
}

/** A record as `driver.read` gives it. */
export interface CameRecord<K = unknown, V = unknown> {
  readonly key: K | null
  readonly value: V | null
  readonly timestamp?: number
  readonly headers?: readonly Header[]
}

/** How `expectRecords` compares. */
export interface ExpectRecordsOptions {
  /**
   * `exact` (default): all in this order; `perKey`: those of a key in this order, which is what Kafka promises;
   * `any`: in whatever order.
   */
  readonly order?: 'exact' | 'perKey' | 'any'
  /** What the message calls them. Default 'records'. */
  readonly name?: string
}

/**
 * Throws unless exactly these records came.
 * @example
 * import assert from 'node:assert/strict'
 * import { expectRecords } from 'sluice/testing'
 *
 * const came = [{ key: 'o1', value: { total: 6 } }]
 * expectRecords(came, [{ key: 'o1', value: { total: 6 } }])
 * assert.throws(() => expectRecords(came, [{ key: 'o1', value: { total: 5 } }]), /value.total: expected 5, came 6/)
 * @throws AssertionError of `node:assert`, with the diff as its message, `actual` and `expected`
 */
export function expectRecords<K, V>(
  came: readonly CameRecord<K, V>[],
  expected: readonly ExpectedRecord<K, V>[],
  options: ExpectRecordsOptions = {},
): void {
  const { order = 'exact', name = 'records' } = options
  const rows = aligned(sorted(expected, order), sorted(came, order), matches)
  if (rows.every(({ kind }) => kind === 'same')) return
  throw new AssertionError({
    message: `${summary(rows, name, came.length, expected.length)}\n${rows.flatMap(lines).join('\n')}`,
    actual: came,
    expected,
    operator: 'expectRecords',
    stackStartFn: expectRecords,
  })
}

type Row = Aligned<ExpectedRecord, CameRecord>

function summary(rows: readonly Row[], name: string, came: number, expected: number): string {
  const same = rows.filter(({ kind }) => kind === 'same').length
  return `${name}: expected ${expected}, came ${came}, ${same} as expected (- expected, + came)`
}

function lines(row: Row): readonly string[] {
  if (row.kind === 'same') return [`  ${shown(row.came)}`]
  if (row.kind === 'missing') return [`- ${shown(row.expected)}`]
  if (row.kind === 'extra') return [`+ ${shown(row.came)}`]
  const fields = differences(row.expected, comparable(row.expected, row.came))
  return [`- ${shown(row.expected)}`, `+ ${shown(row.came)}`, ...fields.map((line) => `    ${line}`)]
}

function shown({ key, value, timestamp }: Omit<ExpectedRecord, 'headers'>): string {
  const time = timestamp === undefined ? '' : `  @${timestamp}`
  return `${key === undefined ? '(any key)' : text(key)}  ${value === undefined ? '(any value)' : text(value)}${time}`
}

/** On one line, its fields sorted, so that equal values look equal; bytes (of dead letters) as the text they are mostly. */
function text(value: unknown): string {
  if (value instanceof Uint8Array) return `bytes ${inspect(Buffer.from(value).toString('utf8'))}`
  return inspect(value, { depth: 20, breakLength: Infinity, compact: true, sorted: true })
}

function matches(expected: ExpectedRecord, came: CameRecord): boolean {
  return isDeepStrictEqual(comparable(expected, came), { ...expected })
}

/** Of the record that came, what the expected one speaks of. */
function comparable(expected: ExpectedRecord, came: CameRecord): Record<string, unknown> {
  const sides = Object.keys(expected).map((side) => [
    side,
    side === 'headers' ? headersNamed(expected, came) : came[side as keyof CameRecord],
  ])
  return Object.fromEntries(sides) as Record<string, unknown>
}

function headersNamed({ headers = {} }: ExpectedRecord, came: CameRecord): Record<string, string | null> {
  const named = (came.headers ?? []).filter(({ key }) => key in headers)
  return Object.fromEntries(
    named.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString('utf8')]),
  )
}

function sorted<R extends ExpectedRecord | CameRecord>(
  records: readonly R[],
  order: NonNullable<ExpectRecordsOptions['order']>,
): readonly R[] {
  if (order === 'exact') return records
  const rank = ({ key, value }: R): string => (order === 'perKey' ? text(key) : `${text(key)} ${text(value)}`)
  return records
    .map((record) => ({ record, rank: rank(record) }))
    .toSorted((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0))
    .map(({ record }) => record)
}
