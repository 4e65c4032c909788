/**
 * cogroup: several grouped streams aggregated into one table. Each input has a node of its own, with its own stream time, over the
 * one store; what they emit flows together in one node, the table.
 */
import type { BuildProcessor } from '../../core/processor.ts'
import type { PartitionedInput, StoreSpec, TopologyNode } from '../topology/node.ts'
import { buildAggregate } from './aggregate.ts'
import type { Emit } from './emit.ts'
import type { WindowedBuild } from './window-parts.ts'
import { aggregateSteps } from './window-steps.ts'
import { buildWindowed } from './windowed.ts'
import type { Window } from './windows.ts'

type UserAdd = Parameters<typeof aggregateSteps>[1]

export interface CogroupInput {
  readonly name: string
  readonly input: PartitionedInput
  readonly add: UserAdd
}

export interface CogroupParts {
  /** Of the table. */
  readonly name: string
  readonly inputs: readonly CogroupInput[]
  readonly store: StoreSpec
  readonly emit: Emit
  readonly init: () => unknown
  /** Absent: one aggregate per key. */
  readonly window?: Window
  readonly merge?: (one: unknown, other: unknown, key: unknown) => unknown
}

/** The inputs in order, and the table they make, last. */
export function cogroup(parts: CogroupParts): readonly TopologyNode[] {
  const { name, inputs, store, emit, window } = parts
  const last = inputs.length - 1
  const nodes = inputs.map((one, index): TopologyNode => {
    // Coalesced updates are handed on by one node: the store tells each of them once.
    const emitted = emit === 'coalesced' && index < last ? 'nothing' : emit
    return {
      name: one.name,
      kind: window === undefined ? 'cogroup' : `${window.kind}-cogroup`,
      parents: [one.input.parent],
      reads: 'both',
      keeps: window === undefined ? 'key' : 'nothing',
      stores: [store],
      partitioned: [one.input],
      build: buildInput(parts, one, emitted),
    }
  })
  const members = inputs.map((one) => one.name)
  const table: TopologyNode = {
    name,
    kind: 'cogroup-merge',
    parents: members,
    reads: 'nothing',
    keeps: 'both',
    copartitions: members,
    build: ({ next }) => ({ process: next }),
  }
  return [...nodes, table]
}

function buildInput(
  { store, init, window, merge, emit: wanted }: CogroupParts,
  { input, add }: CogroupInput,
  emit: WindowedBuild['emit'] & (Emit | 'nothing'),
): BuildProcessor {
  const steps = aggregateSteps(init, add, merge)
  if (window === undefined) return buildAggregate(store.name, emit, steps.add, init)
  return buildWindowed(
    window,
    { store: store.name, key: input.key, emit, cached: wanted !== 'every', shared: true },
    steps,
  )
}
