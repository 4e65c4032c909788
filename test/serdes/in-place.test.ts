import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { json, string } from '../../src/serdes/index.ts'

const bytesOfAnyKind = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ maxLength: 40 }).map((text) => new Uint8Array(Buffer.from(text))),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => new Uint8Array(Buffer.from(text))),
  fc.constant(new Uint8Array(Buffer.from('\ufffd'))),
)

describe('text read in place', () => {
  it('is what a view of the same bytes reads', () => {
    fc.assert(
      fc.property(bytesOfAnyKind, fc.boolean(), (content, asBuffer) => {
        const around = Buffer.concat([Buffer.from([0xc3]), content, Buffer.from([0xa9])])
        const bytes = asBuffer ? around : new Uint8Array(around)
        expect(string.deserializeAt!(bytes, 1, 1 + content.length)).toBe(string.deserialize(content))
      }),
    )
  })

  it('says that it gives the same bytes again only when it does', () => {
    fc.assert(
      fc.property(bytesOfAnyKind, (content) => {
        const text = string.deserialize(content)
        const same = Buffer.from(text, 'utf8').equals(content)
        // Of what is the same only text beyond ASCII may be kept needlessly.
        expect(string.reproduces!(text, content.length)).toBe(same && content.every((byte) => byte < 0x80))
      }),
    )
  })

  it('gives the same JSON from bytes and from a place in bytes', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const bytes = Buffer.from(text)
        const value = json().deserialize(bytes)
        expect(json().deserializeAt!(Buffer.concat([bytes, bytes]), bytes.length, 2 * bytes.length)).toEqual(
          value,
        )
      }),
    )
  })
})
