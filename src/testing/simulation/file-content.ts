/** The bytes of one simulated file: as processes see them, and as they would be found after a power cut. */
import type { Bytes } from '../../core/record.ts'
import { drawFates } from './power-cut.ts'
import type { SeededRandom } from './random.ts'

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Bytes }
  | { readonly kind: 'truncate'; readonly size: number }

/** Where a torn write may end: anywhere, at a sector, at a page. */
const GRANULES = [1, 512, 4096] as const

export class FileContent {
  readonly kind = 'file' as const
  readonly #seen = new GrowingBytes()
  readonly #durable = new GrowingBytes()
  #unsynced: Change[] = []

  get size(): number {
    return this.#seen.size
  }

  read(position: number, length: number): Bytes {
    return this.#seen.read(position, length)
  }

  /** @param continues it is the rest of the last write: one thing at a power cut */
  write(bytes: Bytes, position: number, continues = false): void {
    if (bytes.length === 0) return
    // The caller may reuse its buffer while the change waits for a sync.
    const change: Change = { kind: 'write', position, bytes: Buffer.from(bytes) }
    this.#seen.apply(change)
    const last = this.#unsynced.at(-1)
    if (continues && last?.kind === 'write' && last.position + last.bytes.length === position) {
      const whole = Buffer.concat([last.bytes, change.bytes])
      this.#unsynced[this.#unsynced.length - 1] = { ...last, bytes: whole }
    } else this.#unsynced.push(change)
  }

  truncate(size: number): void {
    const change: Change = { kind: 'truncate', size }
    this.#seen.apply(change)
    this.#unsynced.push(change)
  }

  sync(): void {
    for (const change of this.#unsynced) this.#durable.apply(change)
    this.#unsynced = []
  }

  /** Each change since the last sync arrived, or did not, or in its first part only. */
  powerCut(random: SeededRandom): void {
    const fates = drawFates(this.#unsynced.length, random)
    for (const [at, change] of this.#unsynced.entries()) {
      const fate = fates[at]
      if (fate === 'kept') this.#durable.apply(change)
      else if (fate === 'torn' && change.kind === 'write') this.#durable.apply(torn(change, random))
    }
    this.#unsynced = []
    this.#seen.become(this.#durable)
  }
}

function torn(write: Change & { readonly kind: 'write' }, random: SeededRandom): Change {
  const { position, bytes } = write
  const granule = random.pick(GRANULES)
  const end = Math.floor((position + random.int(0, bytes.length - 1)) / granule) * granule
  return { kind: 'write', position, bytes: bytes.subarray(0, Math.max(0, end - position)) }
}

/** Bytes with room to grow, so that appending is not copying; holes are zeros. */
class GrowingBytes {
  #buffer: Buffer = Buffer.alloc(0)
  size = 0

  read(position: number, length: number): Bytes {
    const from = Math.min(position, this.size)
    return Buffer.from(this.#buffer.subarray(from, Math.min(from + Math.max(0, length), this.size)))
  }

  apply(change: Change): void {
    if (change.kind === 'truncate') {
      this.#reserve(change.size)
      if (change.size < this.size) this.#buffer.fill(0, change.size, this.size)
      this.size = change.size
    } else if (change.bytes.length > 0) {
      const end = change.position + change.bytes.length
      this.#reserve(end)
      this.#buffer.set(change.bytes, change.position)
      this.size = Math.max(this.size, end)
    }
  }

  become(other: GrowingBytes): void {
    this.#buffer = Buffer.from(other.#buffer)
    this.size = other.size
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return
    const grown = Buffer.alloc(Math.max(size, this.#buffer.length * 2, 256))
    this.#buffer.copy(grown, 0, 0, this.size)
    this.#buffer = grown
  }
}
