/** The rate limiters of one operator: one for each endpoint and instance, shared by its tasks. */
import type { AsyncHost } from '../core/async-operator.ts'
import { limiterMetrics } from './metrics.ts'
import { PerEndpoint } from './per-endpoint.ts'
import { RateLimiter } from './rate-limiter.ts'
import type { RatePolicy } from './rate-policy.ts'

/** A limiter as the calls of one task see it. */
export interface Pacer {
  readonly endpoint: string
  readonly limiter: RateLimiter
}

export class Limiters {
  readonly #shared = new PerEndpoint<Pacer>()

  pacer(host: AsyncHost, endpoint: string, policy: RatePolicy): Pacer {
    return this.#shared.of(host.metrics, endpoint, () => {
      const limiter = new RateLimiter(policy, host.clock)
      limiterMetrics(host, endpoint, { rate: () => limiter.rate, waiting: () => limiter.waiting })
      return { endpoint, limiter }
    })
  }
}
