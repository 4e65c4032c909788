/**
 * Deletes committed records of repartition topics (they have no retention of their own). Losing a purge costs disk
 * only, so it never fails the worker.
 */
import { problemOf } from '../../core/errors.ts'
import { partitionId } from '../../core/record.ts'
import type { OpenTask } from './opened.ts'
import type { Ports } from './options.ts'

export class Purge {
  readonly #ports: Ports
  readonly #intervalMs: number
  readonly #purged = new Map<string, number>()
  #last: number
  #running: Promise<void> | undefined

  constructor(ports: Ports, intervalMs: number) {
    this.#ports = ports
    this.#intervalMs = intervalMs
    this.#last = ports.clock.monotonic()
  }

  /** Called after each commit; does something once per interval. */
  after(tasks: readonly OpenTask[]): void {
    const now = this.#ports.clock.monotonic()
    if (this.#running !== undefined || now - this.#last < this.#intervalMs) return
    this.#last = now
    this.#running = this.#purge(tasks).finally(() => {
      this.#running = undefined
    })
  }

  async idle(): Promise<void> {
    await this.#running
  }

  async #purge(tasks: readonly OpenTask[]): Promise<void> {
    for (const { task } of tasks) {
      for (const { topic, partition, offset } of task.committedInternal()) {
        const id = partitionId(topic, partition)
        if (this.#purged.get(id) === offset) continue
        try {
          await this.#ports.broker.admin.deleteRecords(topic, partition, offset)
          this.#purged.set(id, offset)
        } catch (error) {
          this.#ports.log.debug({ topic, partition, offset, problem: problemOf(error) }, 'purge failed')
        }
      }
    }
  }
}
