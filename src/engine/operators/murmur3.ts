/**
 * Murmur3 with 128 bits, x64 variant, seed 104729, as Kafka Streams hashes values in foreign-key joins. Words of 64 bits are
 * pairs of 32, since BigInt would cost more than everything else a join does.
 */
import type { Bytes } from '../../core/record.ts'

const SEED = 104_729

/** High and low half of a 64-bit word. */
class Word {
  high: number
  low: number

  constructor(high: number, low: number) {
    this.high = high
    this.low = low
  }

  set(high: number, low: number): this {
    this.high = high | 0
    this.low = low | 0
    return this
  }

  xor(other: Word): this {
    return this.set(this.high ^ other.high, this.low ^ other.low)
  }

  add(other: Word): this {
    const low = (this.low >>> 0) + (other.low >>> 0)
    return this.set(this.high + other.high + (low > 0xffff_ffff ? 1 : 0), low)
  }

  /** @param bits 1 to 63, not 32 */
  rotateLeft(bits: number): this {
    const { high, low } = this
    const by = bits & 31
    const [one, two] = bits < 32 ? [high, low] : [low, high]
    return this.set((one << by) | (two >>> (32 - by)), (two << by) | (one >>> (32 - by)))
  }

  multiply(high: number, low: number): this {
    const [a, b] = [this.low & 0xffff, this.low >>> 16]
    const [c, d] = [low & 0xffff, low >>> 16]
    // Partial products are below 2^32 and their sums below 2^53.
    const middle = a * d + Math.floor((a * c) / 0x1_0000)
    const carry = Math.floor((b * c + (middle % 0x1_0000_0000)) / 0x1_0000)
    const top = b * d + carry + Math.floor(middle / 0x1_0000_0000) * 0x1_0000
    const upper = Math.imul(this.high, low) + Math.imul(this.low, high) + top
    return this.set(upper % 0x1_0000_0000, Math.imul(this.low, low))
  }

  /** XOR with itself shifted right by 33 bits. */
  fold(): this {
    return this.set(this.high, this.low ^ (this.high >>> 1))
  }

  finish(): this {
    this.fold().multiply(0xff51_afd7, 0xed55_8ccd)
    return this.fold().multiply(0xc4ce_b9fe, 0x1a85_ec53).fold()
  }
}

const FIVE_AND = [
  [0, 0x52dc_e729],
  [0, 0x3849_5ab5],
] as const

/** 16 bytes, the halves big-endian as Java writes them. */
export function hash128(data: Bytes): Bytes {
  const [h1, h2, k1, k2] = [new Word(0, SEED), new Word(0, SEED), new Word(0, 0), new Word(0, 0)]
  const whole = data.length & ~15
  for (let at = 0; at < whole; at += 16) {
    h1.xor(first(k1.set(wordAt(data, at + 4), wordAt(data, at))))
    advance(h1.rotateLeft(27), h2, FIVE_AND[0])
    h2.xor(second(k2.set(wordAt(data, at + 12), wordAt(data, at + 8))))
    advance(h2.rotateLeft(31), h1, FIVE_AND[1])
  }
  if (whole < data.length) {
    const rest = Buffer.alloc(16)
    rest.set(data.subarray(whole))
    h2.xor(second(k2.set(wordAt(rest, 12), wordAt(rest, 8))))
    h1.xor(first(k1.set(wordAt(rest, 4), wordAt(rest, 0))))
  }
  const length = new Word(0, data.length)
  h2.xor(length)
  h1.xor(length).add(h2)
  h2.add(h1)
  h2.finish()
  h1.finish().add(h2)
  h2.add(h1)
  return bytesOf(h1, h2)
}

function advance(own: Word, other: Word, [high, low]: readonly [high: number, low: number]): void {
  own.add(other).multiply(0, 5).add(new Word(high, low))
}

function first(k: Word): Word {
  return k.multiply(0x87c3_7b91, 0x1142_53d5).rotateLeft(31).multiply(0x4cf5_ad43, 0x2745_937f)
}

function second(k: Word): Word {
  return k.multiply(0x4cf5_ad43, 0x2745_937f).rotateLeft(33).multiply(0x87c3_7b91, 0x1142_53d5)
}

/** Little-endian. */
function wordAt(data: Bytes, at: number): number {
  return data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
}

function bytesOf(h1: Word, h2: Word): Bytes {
  const bytes = Buffer.allocUnsafe(16)
  bytes.writeInt32BE(h1.high, 0)
  bytes.writeInt32BE(h1.low, 4)
  bytes.writeInt32BE(h2.high, 8)
  bytes.writeInt32BE(h2.low, 12)
  return bytes
}
