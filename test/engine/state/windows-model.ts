/** The oracle of window and session stores: plain maps and the rules of retention, without cache, segments in the storage or bytes. */

export interface Cell {
  readonly key: string
  /** Window: start. Session: end. */
  readonly time: number
  /** Window: sequence number. Session: start. */
  readonly minor: number
  readonly n: number
}

interface Generation {
  readonly cells: ReadonlyMap<string, Cell>
  readonly observed: number
  readonly sequence: number
}

export class WindowsModel {
  #cells = new Map<string, Cell>()
  #observed = -1
  #sequence = 0
  #committed: Generation = { cells: new Map(), observed: -1, sequence: 0 }
  #sealed: Generation | undefined
  expired = 0
  readonly #retention: number
  readonly #segment: number

  constructor(retention: number) {
    this.#retention = retention
    this.#segment = Math.max(Math.floor(retention / 2), 60_000)
  }

  nextSequence(): number {
    return ++this.#sequence
  }

  put(key: string, time: number, minor: number, n: number | undefined): void {
    this.#observed = Math.max(this.#observed, time)
    const oldest = Math.floor(Math.max(0, this.#observed - this.#retention) / this.#segment)
    const id = `${key}/${time}/${minor}`
    if (Math.floor(time / this.#segment) < oldest) this.expired++
    else if (n === undefined) this.#cells.delete(id)
    else this.#cells.set(id, { key, time, minor, n })
  }

  /** In order of segment, then of the bytes `key | time | minor`. */
  cells(wanted: (cell: Cell) => boolean = () => true): Cell[] {
    const earliest = this.#observed - this.#retention + 1
    return [...this.#cells.values()]
      .filter((cell) => cell.time >= earliest && wanted(cell))
      .toSorted(
        (a, b) =>
          Math.floor(a.time / this.#segment) - Math.floor(b.time / this.#segment) ||
          Buffer.compare(bytesOf(a), bytesOf(b)),
      )
  }

  get isSealed(): boolean {
    return this.#sealed !== undefined
  }

  seal(): void {
    this.#sealed = { cells: new Map(this.#cells), observed: this.#observed, sequence: this.#sequence }
  }

  written(): void {
    this.#committed = this.#sealed ?? this.#committed
    this.#sealed = undefined
  }

  forget(): void {
    this.#sealed = undefined
    this.#cells = new Map(this.#committed.cells)
    this.#observed = this.#committed.observed
    this.#sequence = this.#committed.sequence
  }
}

export function bytesOf({ key, time, minor }: Cell): Buffer {
  const times = Buffer.alloc(16)
  times.writeBigInt64BE(BigInt(time), 0)
  times.writeBigInt64BE(BigInt(minor), 8)
  return Buffer.concat([Buffer.from(key.toWellFormed()), times])
}
