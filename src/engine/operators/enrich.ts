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
    build: (context) => ({ process: context.async(factory, codec) }),
  }
}
