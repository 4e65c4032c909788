/**
 * Hands out producer ids that no producer of this cluster ever had. They are reserved in blocks, so that handing one out
 * needs no write; a block is never used by two lives of the cluster.
 */

const BLOCK = 1000

export interface ProducerIdStorage {
  /** Durably reserves `count` ids and returns the first. @throws SLUICE_DISK */
  reserveProducerIds(count: number): Promise<number>
}

export class ProducerIds {
  readonly #storage: ProducerIdStorage
  readonly #blocks: { next: number; end: number }[] = []
  #reserving: Promise<void> | undefined

  constructor(storage: ProducerIdStorage) {
    this.#storage = storage
  }

  /** Makes sure that many ids can be taken. @throws SLUICE_DISK */
  async ready(): Promise<void> {
    const left = this.#blocks.reduce((sum, { next, end }) => sum + end - next, 0)
    if (left >= BLOCK / 2) return
    this.#reserving ??= this.#reserve().finally(() => (this.#reserving = undefined))
    await this.#reserving
  }

  /** One id; `ready` was awaited in the same operation. */
  take(): number {
    const block = this.#blocks[0]!
    const id = block.next++
    if (block.next === block.end) this.#blocks.shift()
    return id
  }

  async #reserve(): Promise<void> {
    const first = await this.#storage.reserveProducerIds(BLOCK)
    this.#blocks.push({ next: first, end: first + BLOCK })
  }
}
