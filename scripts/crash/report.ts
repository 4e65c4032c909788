/**
 * What an instance says about itself before it dies, one line of JSON on a pipe. Written synchronously, so that the last
 * line a killed process left is true at the instant of its death, up to the sampling interval for `inFlight`.
 */
import { writeSync } from 'node:fs'

export const REPORT_FD = 3

export interface Report {
  /** A failpoint at which the instance kills itself right after this line, or what else happened. */
  readonly place: string
  /** Records processed in this life. */
  readonly records: number
  /** Transactions that the broker has open for this process. */
  readonly openTransactions: number
  /** Records admitted by the enrichment and not yet answered. */
  readonly inFlight: number
  /** Orders acknowledged to the producer of the load, per partition: the end of the log must not be below. */
  readonly acknowledged: readonly number[]
}

export function writeReport(report: Report): void {
  writeSync(REPORT_FD, `${JSON.stringify(report)}\n`)
}

/** What an instance is told, as its only argument. */
export interface Orders {
  readonly dir: string
  readonly seed: number
  readonly guarantee: 'exactly-once' | 'at-least-once'
  readonly store: 'lmdb' | 'sqlite'
  readonly service: string
  /** Addresses of Kafka; absent: the embedded broker in the folder. */
  readonly bootstrap?: readonly string[]
  /** Orders written per second; 0: write none, process what is there and end. */
  readonly rate: number
  /** Where to die; absent: the parent kills, or the instance ends by itself. */
  readonly place?: string
  /** Milliseconds at work before the place counts. */
  readonly afterMs: number
  /** From then on a second instance comes and goes in this process, so that tasks are handed over. */
  readonly second: boolean
}
