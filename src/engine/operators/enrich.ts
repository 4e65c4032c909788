/** enrich: hands records to an asynchronous operator; their outcomes go on down the chain when they are there. */
import type { AsyncOperatorFactory } from '../../core/async-operator.ts'
import type { LedgerCodec } from '../../core/processor.ts'
import type { TopologyNode } from '../topology/node.ts'
import type { At } from './callbacks.ts'

/** @param codec serdes of the input: what the ledger keeps of records that wait while a commit happens */
export function enrich(at: At, factory: AsyncOperatorFactory, codec: LedgerCodec): TopologyNode {
  return {
    name: at.name,
    kind: 'enrich',
    parents: [at.parent],
    reads: 'both',
    keeps: 'key',
    asynchronous: true,
    ledger: codec,
    advice: factory.explain?.() ?? [],
    build: (context) => ({ process: context.async(factory, codec) }),
  }
}

/** A value and what was answered about it. */
export interface Answered {
  readonly value: unknown
  readonly answer: unknown
}

/** The same operator, whose results keep the value that was asked about, for a joiner below it. */
export function withQuestion(factory: AsyncOperatorFactory): AsyncOperatorFactory {
  return {
    deadlineMs: factory.deadlineMs,
    explain: () => factory.explain?.() ?? [],
    open: (host) =>
      factory.open({
        ...host,
        settle: (ticket, outcome) => {
          if (outcome.kind !== 'emit') return host.settle(ticket, outcome)
          const value: Answered = { value: ticket.record.value, answer: outcome.value }
          host.settle(ticket, { kind: 'emit', value })
        },
      }),
  }
}
