/**
 * Questions about what another instance has: finds it in the group and asks its server the same question. A question that was
 * passed on once is never passed on again, so that two instances that disagree do not ask each other for ever.
 */
import type { FastifyRequest } from 'fastify'
import { problemOf, sluiceError } from '../core/errors.ts'
import { taskName } from '../core/record.ts'
import type { Observed } from './observed.ts'

/** Marks a question that came from another instance. */
const PASSED_ON = 'x-sluice-passed-on'

/** How long another instance may take to answer, ms. */
const PATIENCE_MS = 5_000

/** What another instance answered. */
export interface PeerAnswer {
  readonly status: number
  readonly body: unknown
}

export class Peers {
  readonly #observed: Observed

  constructor(observed: Observed) {
    this.#observed = observed
  }

  /** Whether the question may be passed on. */
  mayAsk(request: FastifyRequest): boolean {
    return request.headers[PASSED_ON] === undefined
  }

  /**
   * Asks whoever processes that task.
   * @returns undefined when nobody does, or it does not say where it answers
   * @throws SLUICE_QUERY_ELSEWHERE when it does not answer
   */
  async askOwner(
    subtopology: number,
    partition: number,
    request: FastifyRequest,
  ): Promise<PeerAnswer | undefined> {
    const task = taskName({ subtopology, partition })
    const members = await this.#observed.broker.admin.describeGroup(this.#observed.app.plan.application)
    const owner = members.find(({ active }) => active.some((id) => taskName(id) === task))
    if (owner?.endpoint === undefined) return undefined
    return this.#ask(owner.endpoint, request, partition)
  }

  async #ask(endpoint: string, request: FastifyRequest, partition: number): Promise<PeerAnswer> {
    const patience = new AbortController()
    const timer = this.#observed.clock.setTimer(PATIENCE_MS, () => patience.abort())
    // Of the question only path and query: one may name a whole address, and would take the credentials wherever it says.
    const url = new URL(endpoint)
    const asked = new URL(request.url, endpoint)
    url.pathname = asked.pathname
    url.search = asked.search
    url.searchParams.set('partition', String(partition))
    const { authorization } = request.headers
    try {
      const answer = await fetch(url, {
        headers: { [PASSED_ON]: '1', ...(authorization === undefined ? {} : { authorization }) },
        signal: patience.signal,
      })
      return { status: answer.status, body: await answer.json() }
    } catch (error) {
      const where = `${partition} (asked ${endpoint}: ${problemOf(error)})`
      throw sluiceError('SLUICE_QUERY_ELSEWHERE', { store: url.pathname, partition: where }, error)
    } finally {
      timer.cancel()
    }
  }
}
