/** How many requests are asked for together, read from its options once. */
import { countField, defineConfig, durationField } from '../core/config.ts'
import type { ConfigSpec, Field } from '../core/config.ts'
import type { Duration } from '../core/duration.ts'

export interface BatchOptions {
  /** Most requests of a batch; default 100. */
  readonly size?: number
  /**
   * How long the first request of a batch waits for others; default 0: for those of the same turn of the event loop. While
   * all slots are taken it waits anyway, and takes others meanwhile.
   */
  readonly wait?: Duration
}

export interface BatchPolicy {
  readonly size: number
  readonly waitMs: number
}

type BatchFields = {
  readonly size: Field<number>
  readonly wait: Field<number>
}

export const batchSpec: ConfigSpec<BatchFields> = defineConfig({
  size: countField({ doc: 'Most requests of a batch.', default: 100, min: 1, max: 100_000 }),
  wait: durationField({
    doc: 'How long the first request waits for others; 0: for those of the same turn. While all slots are taken it waits anyway.',
    default: 0,
  }),
})

/** @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN */
export function batchPolicy(options: BatchOptions, place: string): BatchPolicy {
  const { size, wait } = batchSpec.parse(options, place)
  return { size, waitMs: wait }
}
