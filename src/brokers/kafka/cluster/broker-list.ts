/** The brokers of the cluster by number, as metadata names them, and the addresses to begin with. */
import type { Random } from '../../../core/random.ts'
import { showAddress } from '../network/address.ts'
import type { Address } from '../network/address.ts'

export class BrokerList {
  readonly #bootstrap: readonly Address[]
  readonly #random: Random
  #known: ReadonlyMap<number, Address> = new Map()
  /** Addresses to which the last connection failed or was lost. */
  readonly #down = new Set<string>()

  constructor(bootstrap: readonly Address[], random: Random) {
    this.#bootstrap = bootstrap
    this.#random = random
  }

  /** Takes over the list of an answer; one without brokers is that of a broker that is just starting. */
  replace(brokers: readonly (Address & { readonly nodeId: number })[]): void {
    if (brokers.length === 0) return
    this.#known = new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]))
  }

  add(brokerId: number, { host, port }: Address): void {
    if (this.#known.has(brokerId)) return
    this.#known = new Map([...this.#known, [brokerId, { host, port }]])
  }

  address(brokerId: number): Address | undefined {
    return this.#known.get(brokerId)
  }

  setDown(address: Address, isDown: boolean): void {
    if (isDown) this.#down.add(showAddress(address))
    else this.#down.delete(showAddress(address))
  }

  /** True until a connection is made again. */
  isDown(brokerId: number): boolean {
    const address = this.#known.get(brokerId)
    return address !== undefined && this.#down.has(showAddress(address))
  }

  ids(): readonly number[] {
    return [...this.#known.keys()]
  }

  /**
   * Every address there is, in the order to try them: those that `ready` says can be used at once, then the other
   * brokers, then the ones to begin with, each group in random order so that clients spread.
   */
  candidates(ready: (address: Address) => boolean): readonly Address[] {
    const known = this.#shuffled([...this.#known.values()])
    const isReady = known.map(ready)
    const isKnown = (one: Address): boolean =>
      known.some(({ host, port }) => host === one.host && port === one.port)
    return [
      ...known.filter((_, index) => isReady[index]),
      ...known.filter((_, index) => !isReady[index]),
      ...this.#shuffled(this.#bootstrap).filter((address) => !isKnown(address)),
    ]
  }

  #shuffled(addresses: readonly Address[]): readonly Address[] {
    return addresses
      .map((address) => ({ address, at: this.#random.next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ address }) => address)
  }
}
