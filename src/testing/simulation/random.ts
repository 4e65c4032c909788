/**
 * Chance that can be replayed: equal seeds give equal numbers on every machine. Streams forked by name are independent,
 * so that one more draw in one part of a simulation does not shift the faults of all others.
 */
import type { Random } from '../../core/random.ts'

export interface SeededRandom extends Random {
  /** A stream of its own; depends on this stream's seed and the name, not on what was drawn so far. */
  fork(name: string): SeededRandom
  /** True with probability `p`; always draws, so that changing `p` does not shift the stream. */
  chance(p: number): boolean
  /** A whole number, `from` and `to` included. */
  int(from: number, to: number): number
  /** A number in [from, to). */
  between(from: number, to: number): number
  /** @throws RangeError when there is nothing to pick from */
  pick<T>(items: readonly T[]): T
}

/** The stream of a seed. */
export function seededRandom(seed: number | string): SeededRandom {
  return new Xoshiro(String(seed))
}

/** xoshiro128**, its state filled from the name by splitmix: fast in 32-bit arithmetic, and long enough a period. */
class Xoshiro implements SeededRandom {
  readonly #name: string
  readonly #state: Uint32Array = new Uint32Array(4)

  constructor(name: string) {
    this.#name = name
    let mixed = textHash(name)
    for (let at = 0; at < 4; at++) {
      mixed = (mixed + 0x9e3779b9) | 0
      this.#state[at] = scramble(mixed)
    }
    this.#state[0]! |= 1 // all zero would stay zero
  }

  fork(name: string): SeededRandom {
    return new Xoshiro(`${this.#name}/${name}`)
  }

  next(): number {
    return ((this.#draw() >>> 5) * 2 ** 26 + (this.#draw() >>> 6)) / 2 ** 53
  }

  chance(p: number): boolean {
    return this.next() < p
  }

  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  between(from: number, to: number): number {
    return from + this.next() * (to - from)
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('pick: there is nothing to pick from')
    return items[this.int(0, items.length - 1)]!
  }

  uuid(): string {
    const hex = Array.from({ length: 4 }, () => this.#draw().toString(16).padStart(8, '0')).join('')
    const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3]!
    const version = `4${hex.slice(13, 16)}`
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${version}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
  }

  #draw(): number {
    const state = this.#state
    const result = Math.imul(rotate(Math.imul(state[1]!, 5), 7), 9) >>> 0
    const shifted = state[1]! << 9
    state[2]! ^= state[0]!
    state[3]! ^= state[1]!
    state[1]! ^= state[2]!
    state[0]! ^= state[3]!
    state[2]! ^= shifted
    state[3] = rotate(state[3]!, 11)
    return result
  }
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by))
}

/** The finaliser of splitmix: every bit of the input changes half of the bits of the result. */
function scramble(word: number): number {
  let mixed = word
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
  return (mixed ^ (mixed >>> 15)) >>> 0
}

function textHash(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return scramble(hash)
}
