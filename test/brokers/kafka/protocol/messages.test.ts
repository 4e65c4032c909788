/** Every generated codec against messages made by Kafka's own classes: byte for byte, and field by field. */
import { describe, expect, it } from 'vitest'
import { Malformed } from '../../../../src/brokers/kafka/protocol/malformed.ts'
import { Reader } from '../../../../src/brokers/kafka/protocol/reader.ts'
import { Writer } from '../../../../src/brokers/kafka/protocol/writer.ts'
import { seededRandom } from '../../../../src/testing/simulation/random.ts'
import { loadCodecs, vectors } from '../vectors/vectors.ts'
import { hurt } from '../vectors/hurt.ts'

const codecs = await loadCodecs()

describe.each([...new Set(vectors.map(({ name }) => name))])('%s', (name) => {
  const own = vectors.filter((vector) => vector.name === name)
  const { read, write } = codecs.get(name)!

  it('is read whole and written as the same bytes in every version', () => {
    for (const { version, bytes } of own) {
      const input = new Reader(bytes)
      const message = read(input, version)
      expect(input.left, `version ${version}`).toBe(0)
      const output = new Writer()
      write(output, message, version)
      expect(output.size).toBe(bytes.length)
      expect(output.bytesWritten().equals(bytes), `version ${version}`).toBe(true)
    }
  })

  it('is read as Kafka reads it', () => {
    for (const { version, bytes, json } of own) {
      expect(asKafkaPrints(read(new Reader(bytes), version), json), `version ${version}`).toEqual(json)
    }
  })

  it('cut off anywhere, is refused', () => {
    for (const { version, bytes } of own.filter((_, index) => index % 5 === 0)) {
      const step = Math.max(1, Math.floor(bytes.length / 200))
      for (let length = 0; length < bytes.length; length += step) {
        expect(() => read(new Reader(bytes.subarray(0, length)), version)).toThrow(Malformed)
      }
    }
  })

  it('damaged, is read or refused, and nothing else happens', () => {
    const random = seededRandom(7)
    const others = own
      .flatMap(({ version, bytes }) =>
        Array.from({ length: 20 }, () => ({ version, bytes: hurt(bytes, random) })),
      )
      .map(({ version, bytes }) => failureOf(() => read(new Reader(bytes), version)))
      .filter((error) => error !== undefined && !(error instanceof Malformed))
    expect(others).toEqual([])
  })
})

function failureOf(run: () => unknown): unknown {
  try {
    run()
    return undefined
  } catch (error) {
    return error
  }
}

/** The fields that Kafka prints of a message (it leaves some out), with bytes as it prints them. */
function asKafkaPrints(value: unknown, json: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value) && Array.isArray(json)) {
    return value.map((element: unknown, index) => asKafkaPrints(element, json[index]))
  }
  if (typeof value !== 'object' || value === null || typeof json !== 'object' || json === null) return value
  const fields = value as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    // Of record batches it prints nothing; the test before this one compares them.
    Object.entries(json).map(([name, printed]) =>
      name === 'records' ? [name, printed] : [name, asKafkaPrints(fields[name], printed)],
    ),
  )
}
