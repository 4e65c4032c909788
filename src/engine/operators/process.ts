/** process and processValues: the user's own processor with stores, punctuators and free forwarding (Kafka's Processor API). */
import type { BuildProcessor } from '../../core/processor.ts'
import type { StoreSpec, TopologyNode } from '../topology/node.ts'
import type { At } from './callbacks.ts'

/** What it forwards may have another key: state below it is repartitioned (rule R1). */
export function process(at: At, build: BuildProcessor, stores: readonly StoreSpec[]): TopologyNode {
  return {
    name: at.name,
    kind: 'process',
    parents: [at.parent],
    reads: 'both',
    keeps: 'nothing',
    changesKey: true,
    stores,
    build,
  }
}

/** processValues: the same with a fixed key, so that nothing below is repartitioned for it. */
export function processValues(at: At, build: BuildProcessor, stores: readonly StoreSpec[]): TopologyNode {
  return {
    name: at.name,
    kind: 'processValues',
    parents: [at.parent],
    reads: 'both',
    keeps: 'key',
    stores,
    build,
  }
}
