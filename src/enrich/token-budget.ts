/** Extra calls as a share of the ordinary ones: each ordinary call earns a part of an extra one. Numbers only, no time. */

export class TokenBudget {
  readonly #share: number
  readonly #most: number
  #tokens: number

  /**
   * @param share extra calls for each ordinary one
   * @param most that can be saved up
   * @param start what is there before anything was earned
   */
  constructor(share: number, most: number, start: number) {
    this.#share = share
    this.#most = most
    this.#tokens = start
  }

  earn(): void {
    this.#tokens = Math.min(this.#most, this.#tokens + this.#share)
  }

  /** False: there is none left. */
  take(): boolean {
    // Twenty parts of 0.05 are a whole, whatever floating point makes of them.
    if (this.#tokens < 1 - 1e-9) return false
    this.#tokens--
    return true
  }
}
