/**
 * What the tasks of an instance share about an endpoint: one each, made when first asked for. It must never keep an instance
 * that is gone in memory.
 */
import type { Metrics } from '../core/metrics.ts'

export class PerEndpoint<Shared> {
  /** The registry of metrics stands for the instance: there is one each, and it outlives the tasks. */
  readonly #kept = new WeakMap<Metrics, Map<string, Shared>>()

  of(metrics: Metrics, endpoint: string, make: () => Shared): Shared {
    const kept = this.#kept.get(metrics) ?? new Map<string, Shared>()
    this.#kept.set(metrics, kept)
    const known = kept.get(endpoint)
    if (known !== undefined) return known
    const made = make()
    kept.set(endpoint, made)
    return made
  }
}
