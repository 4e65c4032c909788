/** The functions users hand to operators: value first, since that is what most of them need. */
import type { FlowRecord } from '../../core/record.ts'

/** Computes something from a record. Called synchronously, once per record; what it throws is reported with the node's name. */
export type FromRecord<K, V, R> = (value: V, key: K, record: FlowRecord<K, V>) => R

/** What every operator is told: its own name and the node that feeds it. */
export interface At {
  readonly name: string
  readonly parent: string
}
