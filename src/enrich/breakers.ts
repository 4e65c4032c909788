/**
 * The circuit breakers of one operator: one for each endpoint and instance, shared by its tasks, because a service that is
 * down is down for all of them.
 */
import type { AsyncHost } from '../core/async-operator.ts'
import { Breaker } from './breaker.ts'
import type { BreakerChange, BreakerState, Pass, PassOutcome } from './breaker.ts'
import type { BreakerPolicy } from './breaker-policy.ts'
import { breakerMetrics } from './metrics.ts'
import type { BreakerMetrics } from './metrics.ts'
import { PerEndpoint } from './per-endpoint.ts'

/** A breaker as the calls of one task see it. */
export interface Gate {
  readonly endpoint: string
  readonly breaker: Breaker
  readonly metrics: BreakerMetrics
  /** Gives a pass back and tells what changed. */
  leave(pass: Pass, outcome: PassOutcome, ms: number): void
}

interface Kept {
  readonly breaker: Breaker
  readonly metrics: BreakerMetrics
}

const LEVELS: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 }

export class Breakers {
  readonly #shared = new PerEndpoint<Kept>()

  /** The breaker of an endpoint, for the task of a host. */
  gate(host: AsyncHost, endpoint: string, policy: BreakerPolicy): Gate {
    const { breaker, metrics } = this.#of(host, endpoint, policy)
    return {
      endpoint,
      breaker,
      metrics,
      leave(pass, outcome, ms) {
        const change = breaker.leave(pass, outcome, ms)
        if (change === undefined) return
        if (change.state === 'open' && !change.again) metrics.opened.value++
        tell(host, endpoint, policy, change)
      },
    }
  }

  #of(host: AsyncHost, endpoint: string, policy: BreakerPolicy): Kept {
    return this.#shared.of(host.metrics, endpoint, () => {
      const breaker = new Breaker(policy, host.clock)
      const levels = { state: () => LEVELS[breaker.state], held: () => breaker.held }
      return { breaker, metrics: breakerMetrics(host, endpoint, levels) }
    })
  }
}

function tell(
  { log, node, task }: AsyncHost,
  endpoint: string,
  { waitMs }: BreakerPolicy,
  change: BreakerChange,
): void {
  const { state, again, calls, failed, slow } = change
  const ids = { node, task, endpoint }
  if (state === 'closed')
    return log.info({ ...ids, calls }, 'circuit breaker closed: the endpoint is well again')
  // One line an outage, however often it is tried.
  if (again) return log.debug({ ...ids, calls, failed, slow, waitMs }, 'circuit breaker open: a probe failed')
  log.warn(
    { ...ids, calls, failed, slow, waitMs },
    'circuit breaker open: the endpoint is not asked for a while',
  )
}
