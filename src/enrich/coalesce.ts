/** Single flight: equal requests of a task that are under way at the same time share one call. */

export class Flights<Call extends object> {
  readonly #underWay = new Map<string, Call>()

  find(identity: string): Call | undefined {
    return this.#underWay.get(identity)
  }

  started(identity: string, call: Call): void {
    this.#underWay.set(identity, call)
  }

  /** A call that ended while a newer one took its place must not remove that one. */
  ended(identity: string, call: object): void {
    if (this.#underWay.get(identity) === call) this.#underWay.delete(identity)
  }

  clear(): void {
    this.#underWay.clear()
  }
}
