/** The serdes give and take the very bytes of Java's, as recorded in the conformance set. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Serde } from '../../src/core/serde.ts'
import { encodedBytes } from '../../src/core/serde.ts'
import {
  bigint64,
  boolean,
  double,
  float,
  int16,
  int32,
  int64,
  string,
  uuid,
} from '../../src/serdes/index.ts'

interface Vector {
  readonly type: string
  readonly value: string
  readonly hex: string
}

const file = '/work/shared/conformance/kafka-streams/bytes.json'
const vectors = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as { serdes: readonly Vector[] }).serdes
  : []

interface Case {
  readonly serde: Serde<unknown>
  readonly parse: (text: string) => unknown
}

const cases: Readonly<Record<string, readonly Case[]>> = {
  String: [{ serde: string, parse: (text) => text }],
  UUID: [{ serde: uuid, parse: (text) => text }],
  Short: [{ serde: int16, parse: Number }],
  Integer: [{ serde: int32, parse: Number }],
  Long: [
    { serde: bigint64, parse: BigInt },
    { serde: int64, parse: Number },
  ],
  Float: [{ serde: float, parse: (text) => Math.fround(Number(text)) }],
  Double: [{ serde: double, parse: Number }],
  Boolean: [{ serde: boolean, parse: (text) => text === 'true' }],
}

const safe = ({ serde, parse }: Case, value: string): boolean =>
  serde !== int64 || Number.isSafeInteger(parse(value))

describe.skipIf(vectors.length === 0)(`bytes recorded from Java (skipped where ${file} is absent)`, () => {
  for (const { type, value, hex } of vectors) {
    for (const one of cases[type]!.filter((candidate) => safe(candidate, value))) {
      test(`${type} ${JSON.stringify(value)} is ${hex || 'empty'} both ways`, () => {
        const bytes = Buffer.from(hex, 'hex')
        expect(Buffer.from(encodedBytes(one.serde.serialize(one.parse(value)))).toString('hex')).toBe(hex)
        expect(one.serde.deserialize(bytes)).toEqual(one.parse(value))
        expect(one.serde.deserialize(new Uint8Array(bytes))).toEqual(one.parse(value))
      })
    }
  }
})
