/**
 * Ranges read page by page, for databases whose own cursors either pin a snapshot or see later writes. Before a write
 * every open range reads the rest into memory, so that an iterator always shows the content as of its call.
 */
import type { Bytes } from '../core/record.ts'

export interface Page {
  readonly entries: readonly [Bytes, Bytes][]
  /** Where the next page starts (exclusive), in the adapter's own terms; undefined at the end. */
  readonly next: Bytes | undefined
}

/** Reads up to about `limit` entries behind `after` (undefined = from the start of the range). */
export type ReadPage = (after: Bytes | undefined, limit: number) => Page

/** Most ranges are short (one window, one prefix): the first page is small, the following ones are not. */
const FIRST_PAGE = 16
const NEXT_PAGE = 512

/** The open ranges of one storage. */
export class OpenRanges {
  readonly #open = new Set<PagedRange>()

  open(read: ReadPage): IterableIterator<[Bytes, Bytes]> {
    const range: PagedRange = new PagedRange(read, () => this.#open.delete(range))
    this.#open.add(range)
    return range
  }

  /** To be called before every write. */
  beforeWrite(): void {
    for (const range of this.#open) range.readRest()
  }
}

class PagedRange implements IterableIterator<[Bytes, Bytes]> {
  readonly #read: ReadPage
  readonly #ended: () => void
  #entries: readonly [Bytes, Bytes][] = []
  #at = 0
  #after: Bytes | undefined
  #pages = 0
  #complete = false

  constructor(read: ReadPage, ended: () => void) {
    this.#read = read
    this.#ended = ended
  }

  next(): IteratorResult<[Bytes, Bytes]> {
    while (this.#at === this.#entries.length) {
      if (this.#complete) return { done: true, value: undefined }
      this.#entries = this.#readPage()
      this.#at = 0
    }
    return { done: false, value: this.#entries[this.#at++]! }
  }

  return(): IteratorResult<[Bytes, Bytes]> {
    this.#end()
    this.#entries = []
    this.#at = 0
    return { done: true, value: undefined }
  }

  [Symbol.iterator](): this {
    return this
  }

  readRest(): void {
    const rest = this.#entries.slice(this.#at)
    while (!this.#complete) for (const entry of this.#readPage()) rest.push(entry)
    this.#entries = rest
    this.#at = 0
  }

  #readPage(): readonly [Bytes, Bytes][] {
    const page = this.#read(this.#after, this.#pages++ === 0 ? FIRST_PAGE : NEXT_PAGE)
    this.#after = page.next
    if (page.next === undefined) this.#end()
    return page.entries
  }

  #end(): void {
    this.#complete = true
    this.#ended()
  }
}
