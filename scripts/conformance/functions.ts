/** The named functions of the Kafka Streams conformance cases, as their README defines them. */

import type { Windowed } from '../../src/index.ts'

export type Value = string | number | null
/** A key, or a window of a key. */
export type Key = string | null | WindowedKey
export interface WindowedKey extends Windowed<Key> {}

export function text(x: Value | Key | undefined): string {
  if (x === null || x === undefined) return 'null'
  return typeof x === 'object' ? `${text(x.key)}@${x.start}-${x.end}` : String(x)
}

export function num(v: Value): number {
  if (v === null) return 0
  if (typeof v === 'number') return v
  return /^-?[0-9]{1,15}$/.test(v) ? Number(v) : v.length
}

const split = (name: string): readonly [string, string] => {
  const at = name.indexOf(':')
  return at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)]
}

export function valueFunction(name: string): (value: Value, key: Key) => Value {
  const [verb, a] = split(name)
  const anyInput: Readonly<Record<string, (value: Value, key: Key) => Value>> = {
    const: () => a,
    null: () => null,
    nullTo: (v) => v ?? a,
    key: (_, k) => (k === null ? null : text(k)),
    withKey: (v, k) => `${text(k)}=${text(v)}`,
  }
  const present: Readonly<Record<string, (value: string | number) => Value>> = {
    identity: (v) => v,
    upper: (v) => text(v).toUpperCase(),
    lower: (v) => text(v).toLowerCase(),
    len: (v) => text(v).length,
    num: (v) => num(v),
    plus: (v) => num(v) + Number(a),
    append: (v) => text(v) + a,
    prefix: (v) => a + text(v),
    first: (v) => text(v).slice(0, Number(a)),
    toString: (v: string | number) => text(v),
    nullIf: (v) => (text(v) === a ? null : v),
    field: (v) => text(v).split('|')[Number(a)] ?? null,
    fail: (v) => {
      if (text(v) === a) throw new Error('fail')
      return v
    },
  }
  const any = Object.hasOwn(anyInput, verb) ? anyInput[verb] : undefined
  if (any !== undefined) return any
  const some = present[verb]!
  return (v) => (v === null ? null : some(v))
}

export function keyFunction(name: string): (value: Value, key: Key) => string | null {
  const [verb, a] = split(name)
  const functions: Readonly<Record<string, (value: Value, key: Key) => string | null>> = {
    identity: (_, k) => k as string | null,
    null: () => null,
    const: () => a,
    upper: (_, k) => (k === null ? null : text(k).toUpperCase()),
    append: (_, k) => (k === null ? null : text(k) + a),
    keyFirst: (_, k) => (k === null ? null : text(k).slice(0, Number(a))),
    unwindow: (_, k) => (k !== null && typeof k === 'object' ? (k.key as string | null) : k),
    text: (_, k) => (k === null ? null : text(k)),
    keyValue: (v, k) => text(k) + text(v),
    nullIfValue: (v, k) => (text(v) === a ? null : (k as string | null)),
    value: (v) => (v === null ? null : text(v)),
    valueFirst: (v) => (v === null ? null : text(v).slice(0, Number(a))),
    valueField: (v) => (v === null ? null : (text(v).split('|')[Number(a)] ?? null)),
    lenMod: (v) => (v === null ? null : `m${num(v) % Number(a)}`),
  }
  return functions[verb]!
}

export function predicate(name: string): (value: Value, key: Key) => boolean {
  const [verb, a] = split(name)
  const functions: Readonly<Record<string, (value: Value, key: Key) => boolean>> = {
    true: () => true,
    false: () => false,
    valueNull: (v) => v === null,
    valueNotNull: (v) => v !== null,
    keyNull: (_, k) => k === null,
    keyNotNull: (_, k) => k !== null,
    keyIs: (_, k) => k !== null && text(k) === a,
    keyStartsWith: (_, k) => k !== null && text(k).startsWith(a),
    valueIs: (v) => v !== null && text(v) === a,
    valueStartsWith: (v) => v !== null && text(v).startsWith(a),
    valueContains: (v) => v !== null && text(v).includes(a),
    gt: (v) => v !== null && num(v) > Number(a),
    even: (v) => v !== null && num(v) % 2 === 0,
  }
  return functions[verb]!
}

export function flatFunction(name: string): (value: Value, key: Key) => (readonly [string | null, Value])[] {
  const [verb, a] = split(name)
  const repeat = (v: Value): string[] => Array.from({ length: Number(a) }, (_, index) => `${text(v)}${index}`)
  const words = (v: Value): string[] =>
    text(v)
      .split(' ')
      .filter((word) => word !== '')
  const functions: Readonly<Record<string, (value: Value, key: Key) => (readonly [string | null, Value])[]>> =
    {
      words: (v, k) => words(v).map((word) => [k as string | null, word]),
      wordsByWord: (v) => words(v).map((word) => [word, word]),
      chars: (v, k) =>
        text(v)
          .split('')
          .map((char) => [k as string | null, char]),
      repeat: (v, k) => repeat(v).map((one) => [k as string | null, one]),
      repeatKeyed: (v, k) => repeat(v).map((one) => [text(k) + one.slice(-1), one]),
      empty: () => [],
    }
  return (v, k) => (v === null ? [] : functions[verb]!(v, k))
}

export function joiner(name: string): (left: Value, right: Value, key: Key) => Value {
  const functions: Readonly<Record<string, (left: Value, right: Value, key: Key) => Value>> = {
    concat: (l, r) => `${text(l)}+${text(r)}`,
    withKey: (l, r, k) => `${text(k)}:${text(l)}+${text(r)}`,
    paren: (l, r) => `(${text(l)},${text(r)})`,
    left: (l) => l,
    right: (_, r) => r,
    null: () => null,
  }
  return functions[name]!
}

export function reducer(name: string): (so: Value, value: Value) => Value {
  const [verb, a] = split(name)
  const concat = (x: Value, y: Value): Value => `${text(x)}+${text(y)}`
  const functions: Readonly<Record<string, (so: Value, value: Value) => Value>> = {
    concat,
    sub: (x, y) => `${text(x)}-${text(y)}`,
    last: (_, y) => y,
    first: (x) => x,
    max: (x, y) => (text(y) > text(x) ? y : x),
    sum: (x, y) => num(x) + num(y),
    minus: (x, y) => num(x) - num(y),
    nullOn: (x, y) => (text(y) === a ? null : concat(x, y)),
  }
  return functions[verb]!
}

export interface Aggregator {
  readonly init: Value
  readonly add: (so: Value, value: Value) => Value
  readonly subtract: (so: Value, value: Value) => Value
  /** Of two sessions. */
  readonly merge: (one: Value, other: Value) => Value
}

export function aggregator(name: string): Aggregator {
  const [verb, a] = split(name)
  const concat = (so: Value, v: Value): Value => `${text(so)}+${text(v)}`
  const without = (so: Value, v: Value): Value => `${text(so)}-${text(v)}`
  const joined = (one: Value, other: Value): Value => `${text(one)}&${text(other)}`
  const greater = (so: Value, v: Value): Value => (text(v) > text(so) ? text(v) : so)
  const sum = (so: Value, v: Value): Value => num(so) + num(v)
  type Step = (so: Value, value: Value) => Value
  const functions: Readonly<Record<string, readonly [init: Value, add: Step, subtract: Step, merge: Step]>> =
    {
      concat: ['0', concat, without, joined],
      nullOn: ['0', (so, v) => (text(v) === a ? null : concat(so, v)), without, joined],
      last: ['', (_, v) => v, (so) => so, (_, v) => v],
      max: ['', greater, (so) => so, greater],
      sum: [0, sum, (so, v) => num(so) - num(v), sum],
      countNull: [0, (so, v) => num(so) + (v === null ? 100 : 1), (so) => num(so) - 1, sum],
    }
  const [init, add, subtract, merge] = functions[verb]!
  return { init, add, subtract, merge }
}
