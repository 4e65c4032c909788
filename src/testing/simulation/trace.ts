/**
 * What happened in a simulation, as one number and as the last lines. Two runs of one seed must give the same hash; the
 * lines are for people. It must cost little per event: a run has hundreds of thousands.
 */

export interface TraceLine {
  /** Virtual ms since the world began. */
  readonly time: number
  readonly event: string
  readonly detail: string
}

export class Trace {
  readonly #ring: TraceLine[] = []
  readonly #keep: number
  readonly #listener: ((line: TraceLine) => void) | undefined
  #count = 0
  // Two 32-bit lanes with different multipliers: a collision needs both to meet.
  #left = 0x9747b28c
  #right = 0x3c6ef372

  /** @param keep how many of the last lines are kept; `listener` sees all of them as they come */
  constructor(keep: number, listener?: (line: TraceLine) => void) {
    this.#keep = keep
    this.#listener = listener
  }

  add(time: number, event: string, detail: string): void {
    const line: TraceLine = { time, event, detail }
    this.#mix(Math.round(time * 1000)) // all times are whole microseconds
    this.#mixText(event)
    this.#mixText(detail)
    this.#ring[this.#count % this.#keep] = line
    this.#count++
    this.#listener?.(line)
  }

  /** Lines added so far. */
  get count(): number {
    return this.#count
  }

  /** 16 hex digits over all lines so far. */
  get hash(): string {
    return hex(this.#left) + hex(this.#right)
  }

  /** The last lines, oldest first. */
  last(): readonly TraceLine[] {
    const oldest = this.#count % this.#keep
    return this.#count <= this.#keep
      ? this.#ring.slice()
      : [...this.#ring.slice(oldest), ...this.#ring.slice(0, oldest)]
  }

  #mixText(text: string): void {
    for (let at = 0; at < text.length; at++) this.#mix(text.charCodeAt(at))
    this.#mix(-1 - text.length) // so that 'ab','c' and 'a','bc' differ
  }

  #mix(value: number): void {
    const word = value | 0
    this.#left = Math.imul(this.#left ^ word, 0x01000193)
    this.#left ^= this.#left >>> 15
    this.#right = Math.imul((this.#right << 5) ^ (this.#right >>> 27) ^ word, 0x27d4eb2f)
  }
}

/** A line as people read it: `  1234.567 ms  disk.write a#1 /log/0.log`. */
export function traceText({ time, event, detail }: TraceLine): string {
  return `${time.toFixed(3).padStart(12)} ms  ${event}${detail === '' ? '' : ` ${detail}`}`
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
