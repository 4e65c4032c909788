/** enrich: the seam to the asynchronous operator keeps the question beside the answer, for a joiner below. */
import { expect, test } from 'vitest'
import type {
  AsyncHost,
  AsyncOperatorFactory,
  AsyncOutcome,
  Ticket,
} from '../../../src/core/async-operator.ts'
import { sluiceError } from '../../../src/core/errors.ts'
import { FlowRecord, NO_HEADERS } from '../../../src/core/record.ts'
import { enrich, withQuestion } from '../../../src/engine/operators/enrich.ts'
import { json, string } from '../../../src/serdes/index.ts'

/** Answers at once: doubles numbers, drops zero. */
const doubling: AsyncOperatorFactory = {
  deadlineMs: 5000,
  open: (host) => ({
    admit: (ticket) => {
      const value = ticket.record.value as number
      host.settle(ticket, value === 0 ? { kind: 'drop', reason: 'zero' } : { kind: 'emit', value: value * 2 })
    },
    full: false,
    close: () => {},
  }),
}

function outcomes(factory: AsyncOperatorFactory, ...values: readonly number[]): AsyncOutcome[] {
  const settled: AsyncOutcome[] = []
  const host: Pick<AsyncHost, 'settle'> = { settle: (_, outcome) => settled.push(outcome) }
  const operator = factory.open(host as AsyncHost)
  values.forEach((value, sequence) => {
    const record = new FlowRecord('k', value, 0, NO_HEADERS, 'in', 0, sequence, undefined, undefined)
    const ticket: Ticket = { sequence, record, orderKey: null, deadline: 0, attempts: 0 }
    operator.admit(ticket)
  })
  return settled
}

test('the answer comes with the value that was asked about; other outcomes pass', () => {
  expect(outcomes(withQuestion(doubling), 3, 0)).toEqual([
    { kind: 'emit', value: { value: 3, answer: 6 } },
    { kind: 'drop', reason: 'zero' },
  ])
  expect(withQuestion(doubling).deadlineMs).toBe(5000)
})

test('the node is asynchronous, keeps the key and binds the operator with the codec of its ledger', () => {
  const codec = { key: string, value: json() }
  const node = enrich({ name: 'ask', parent: 'in' }, doubling, codec)
  expect(node).toMatchObject({ asynchronous: true, keeps: 'key', reads: 'both', ledger: codec })
  const bound: unknown[] = []
  const context = {
    async: (...parts: readonly unknown[]) => {
      bound.push(...parts)
      return () => {
        throw sluiceError('SLUICE_INTERNAL', { place: 'test', problem: 'admitted' })
      }
    },
  }
  const processor = node.build!(context as never)
  expect(bound).toEqual([doubling, codec])
  expect(() =>
    processor.process(new FlowRecord('k', 1, 0, NO_HEADERS, 'in', 0, 0, undefined, undefined)),
  ).toThrow('admitted')
})
