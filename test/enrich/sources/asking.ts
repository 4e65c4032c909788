/** Asks a source as the operator does, with real time: for tests against real services. */
import type { AsyncOutcome } from '../../../src/core/async-operator.ts'
import type { Clock } from '../../../src/core/clock.ts'
import { enrichment } from '../../../src/enrich/enrichment.ts'
import type { SourceLike } from '../../../src/enrich/sources/source.ts'
import type { EnrichOptions } from '../../../src/enrich/types.ts'
import { testHost, ticketOf } from '../virtual.ts'
import type { TestHost } from '../virtual.ts'

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(ms, run) {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}

export interface Asked {
  readonly outcomes: readonly AsyncOutcome[]
  readonly host: TestHost<Clock>
}

/** The outcome of each value, in their order; the key of each is its index. */
export async function askAll(
  source: SourceLike,
  values: readonly unknown[],
  options: EnrichOptions = {},
): Promise<Asked> {
  const host = testHost(realClock)
  const operator = enrichment(source, options).open(host)
  try {
    await new Promise<void>((resolve) => {
      host.onSettle = () => {
        if (host.settled.length === values.length) resolve()
      }
      for (const [at, value] of values.entries()) operator.admit(ticketOf(realClock, at, `k${at}`, value))
      if (host.settled.length === values.length) resolve()
    })
  } finally {
    operator.close()
  }
  const sorted = host.settled.toSorted((a, b) => a.ticket.sequence - b.ticket.sequence)
  return { outcomes: sorted.map(({ outcome }) => outcome), host }
}

/** The answer to one value; throws the error of a record that failed. */
export async function ask(source: SourceLike, value: unknown, options: EnrichOptions = {}): Promise<unknown> {
  const { outcomes } = await askAll(source, [value], options)
  return answerOf(outcomes[0]!)
}

export function answerOf(outcome: AsyncOutcome): unknown {
  if (outcome.kind === 'emit') return outcome.value
  throw 'error' in outcome ? outcome.error : new Error(outcome.reason)
}
