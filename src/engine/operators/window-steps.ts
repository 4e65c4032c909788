/** What is computed in a window: count, reduce and aggregate as three functions over an aggregate and a record. */
import type { FlowRecord } from '../../core/record.ts'
import { isAbsent } from './absent.ts'

export interface WindowSteps {
  /** What a node does with its records; counting never looks into a value. */
  readonly kind: 'aggregate' | 'count' | 'reduce'
  /** The aggregate of a window that has none; `undefined` = there is nothing to begin with. */
  readonly init: () => unknown
  /** The new aggregate; null = none, the window is deleted. */
  readonly add: (aggregate: unknown, record: FlowRecord) => unknown
  /** Two sessions as one. */
  readonly merge: (one: unknown, other: unknown, record: FlowRecord) => unknown
}

type UserAdd = (aggregate: unknown, value: unknown, key: unknown, record: FlowRecord) => unknown

export const countSteps: WindowSteps = {
  kind: 'count',
  init: () => 0,
  add: (count) => (count as number) + 1,
  merge: (one, other) => (one as number) + (other as number),
}

/** The first value of a window is its aggregate as it is. */
export function reduceSteps(reducer: UserAdd): WindowSteps {
  return {
    kind: 'reduce',
    init: () => undefined,
    add: (so, record) => (isAbsent(so) ? record.value : reducer(so, record.value, record.key, record)),
    merge: (one, other, record) => (isAbsent(one) ? other : reducer(one, other, record.key, record)),
  }
}

export function aggregateSteps(
  init: () => unknown,
  add: UserAdd,
  merge?: (one: unknown, other: unknown, key: unknown) => unknown,
): WindowSteps {
  return {
    kind: 'aggregate',
    init,
    add: (so, record) => add(so, record.value, record.key, record),
    merge: (one, other, { key }) => (merge === undefined ? other : merge(one, other, key)),
  }
}
