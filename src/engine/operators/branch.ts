/** branch: sends each record to the first branch whose predicate holds, else to the default branch, else nowhere. */
import { untouched } from '../topology/builder.ts'
import type { TopologyNode } from '../topology/node.ts'
import type { At, FromRecord } from './callbacks.ts'

export interface Branch<K, V> {
  /** Name of the node of this branch, see `branchArm`. */
  readonly node: string
  /** Absent: the default branch, which must come last. */
  readonly when?: FromRecord<K, V, boolean>
}

/** The node that decides; each branch of it must be added as a `branchArm` below it. */
export function branch<K, V>(at: At, branches: readonly Branch<K, V>[]): TopologyNode {
  const tests = branches.map(({ when }) => (when ?? (() => true)) as FromRecord<unknown, unknown, boolean>)
  return {
    name: at.name,
    kind: 'branch',
    parents: [at.parent],
    reads: 'both',
    keeps: 'both',
    build: (context) => {
      const arms = branches.map(({ node }) => context.nextNamed(node))
      return {
        process: (record) => {
          for (let index = 0; index < tests.length; index++) {
            if (tests[index]!(record.value, record.key, record)) return arms[index]!(record)
          }
        },
      }
    },
  }
}

/** The beginning of one branch: passes on what the deciding node sends it. */
export function branchArm(at: At): TopologyNode {
  return {
    name: at.name,
    kind: 'branch-arm',
    parents: [at.parent],
    ...untouched,
    build: ({ next }) => ({ process: next }),
  }
}
