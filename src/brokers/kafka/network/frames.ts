/**
 * Cuts the bytes of a connection into frames. Small ones are read into one buffer that is used again and again and copied
 * out; the rest of a large one is read straight into memory of its own size, so that a megabyte of records is never copied.
 */
import { Malformed } from '../protocol/malformed.ts'
import { SIZE_BYTES } from '../protocol/message.ts'

const STAGE_BYTES = 64 * 1024
/** The correlation id. */
const SMALLEST_FRAME = 4
/**
 * No answer is larger: what we fetch is bounded far below. What is not Kafka at all usually starts with more: `HTTP`
 * would be 1.2 GB, the alert of a TLS listener 352 MB.
 */
const LARGEST_FRAME = 256 * 1024 * 1024

export class Frames {
  readonly #deliver: (frame: Buffer) => void
  readonly #stage = Buffer.allocUnsafeSlow(STAGE_BYTES)
  #staged = 0
  /** The large frame being read, and how much of it is there. */
  #frame: Buffer | undefined
  #filled = 0

  /** @param deliver is given each frame, without its size; the bytes are its own */
  constructor(deliver: (frame: Buffer) => void) {
    this.#deliver = deliver
  }

  /** Where the next bytes of the socket belong. */
  target(): Buffer {
    return this.#frame === undefined ? this.#stage.subarray(this.#staged) : this.#frame.subarray(this.#filled)
  }

  /**
   * So many bytes were put into the target. Delivers every frame that is whole now.
   * @throws Malformed: this is not a connection to Kafka
   */
  received(count: number): void {
    if (this.#frame !== undefined) {
      this.#filled += count
      if (this.#filled === this.#frame.length) this.#deliverLarge(this.#frame)
      return
    }
    this.#staged += count
    let at = 0
    while (this.#staged - at >= SIZE_BYTES) {
      const size = frameSize(this.#stage, at)
      const start = at + SIZE_BYTES
      if (this.#staged - start < size) {
        if (SIZE_BYTES + size > STAGE_BYTES) return this.#beginLarge(size, start)
        break
      }
      at = start + size
      this.#deliver(Buffer.from(this.#stage.subarray(start, at)))
    }
    this.#stage.copyWithin(0, at, this.#staged)
    this.#staged -= at
  }

  #beginLarge(size: number, start: number): void {
    this.#frame = Buffer.allocUnsafeSlow(size)
    this.#filled = this.#stage.copy(this.#frame, 0, start, this.#staged)
    this.#staged = 0
  }

  #deliverLarge(frame: Buffer): void {
    this.#frame = undefined
    this.#deliver(frame)
  }
}

function frameSize(bytes: Buffer, at: number): number {
  const size = bytes.readInt32BE(at)
  if (size >= SMALLEST_FRAME && size <= LARGEST_FRAME) return size
  throw new Malformed(
    `a frame of ${size} bytes (it begins ${bytes.toString('latin1', at, at + 4).replace(/[^ -~]/g, '.')})`,
  )
}
