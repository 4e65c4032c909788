/** The retry budgets of one operator: one for each endpoint and instance, shared by its tasks. */
import type { AsyncHost } from '../core/async-operator.ts'
import { PerEndpoint } from './per-endpoint.ts'
import { TokenBudget } from './token-budget.ts'

/** Retries that can be made before anything was earned: a quiet source must not be without any. */
const RESERVE = 10
/** What is saved up at most: hours of good service must not pay for an outage. */
const MOST_SAVED = 100

export class RetryBudgets {
  readonly #shared = new PerEndpoint<TokenBudget>()

  of(host: AsyncHost, endpoint: string, share: number): TokenBudget {
    return this.#shared.of(host.metrics, endpoint, () => new TokenBudget(share, MOST_SAVED, RESERVE))
  }
}
