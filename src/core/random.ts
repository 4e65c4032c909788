/** Port of chance: jitter, ids and seeds come from here and nowhere else, so that a run can be replayed by its seed. */

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** A version 4 UUID as text. */
  uuid(): string
}
