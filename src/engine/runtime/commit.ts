/**
 * The commit, in the numbered steps of the design:
 *
 *   1. close generation g: no record or outcome is processed until step 4, positions stand still
 *   2. flush what coalesced emission holds, in topological order
 *   3. ledger entries for calls still pending; seal the stores (changelog records); positions and kept numbers are taken
 *   4. changelogs and outputs acknowledged
 *   5. offsets, fenced by the group
 *   6. the transaction ends
 *   7. the stores are written, in slices, changelog positions last
 *
 * 1 to 3 hold processing up, in slices; 4 to 7 run beside it. Nothing is written to a store before its changelog is
 * committed, and no offset is committed before everything that came of its record is durable.
 */
import type { CommittedOffset, GroupMember, Producer } from '../../core/broker.ts'
import type { Counter, Histogram } from '../../core/metrics.ts'
import { partitionId } from '../../core/record.ts'
import type { Acknowledged, ClosedOutput, Output } from './output.ts'
import type { OpenTask } from './opened.ts'
import type { EngineSettings, Ports } from './options.ts'
import { inSlices } from './slices.ts'

export interface CommitParts {
  readonly ports: Ports
  readonly settings: EngineSettings
  readonly producer: Producer
  readonly output: Output
  readonly member: () => GroupMember
}

/** Generation g between step 3 and step 7. */
export interface Generation {
  readonly tasks: readonly OpenTask[]
  readonly offsets: readonly CommittedOffset[]
  readonly output: ClosedOutput
}

const STORE_ENTRIES_PER_WRITE = 512

export class Committer {
  readonly #parts: CommitParts
  readonly #commits: Counter
  readonly #latency: Histogram
  #cancelled = false

  constructor(parts: CommitParts) {
    this.#parts = parts
    this.#commits = parts.ports.metrics.counter('commit-total')
    this.#latency = parts.ports.metrics.histogram('commit-latency-ms')
  }

  /** Steps 1 to 3. */
  async close(tasks: readonly OpenTask[]): Promise<Generation> {
    const { failpoints } = this.#parts.ports
    // 1
    await failpoints.hit('commit.close')
    await failpoints.hit('commit.flush')
    // 2
    for (const { task } of tasks) await this.#sliced((shouldYield) => task.flush(shouldYield))
    await failpoints.hit('commit.ledger')
    // 3
    for (const { task } of tasks) for (const flight of task.graph.inFlight) flight.writeLedger()
    for (const open of tasks) await this.#seal(open)
    const output = this.#parts.output.close()
    // Positions stand still since step 1, but the flush moved what operators keep beside them (stream time, what has left):
    // taken before it, a restart would not know of results that this commit holds, and emit them again.
    const offsets = tasks.flatMap(({ task }) => task.offsets())
    // Offsets carry the fence. Output of answered calls alone would have none, and a replaced worker that wakes up would
    // commit it beside its successor's: so positions that did not move go with it.
    const fenced =
      offsets.length > 0 || output.empty ? offsets : tasks.flatMap(({ task }) => task.offsets(true))
    return { tasks, offsets: fenced, output }
  }

  /** Steps 4 to 7. A rejection means: drop everything uncommitted. */
  async finish(generation: Generation): Promise<void> {
    const { ports, output } = this.#parts
    const begun = ports.clock.monotonic()
    // Without output and offsets the broker has no part in it, but a store without changelog may have been updated.
    const silent = generation.output.empty && generation.offsets.length === 0
    const acknowledged = silent ? new Map<string, number>() : await this.#end(generation)
    if (this.#cancelled) return
    for (const { task } of generation.tasks) task.committed(generation.offsets)
    output.release()
    // 7
    for (const open of generation.tasks) {
      await this.#store(open, acknowledged, generation.offsets)
      showUpTo(open, generation.offsets)
    }
    this.#commits.value++
    this.#latency.observe(ports.clock.monotonic() - begun)
    await ports.failpoints.hit('commit.stored')
  }

  async #end(generation: Generation): Promise<Acknowledged> {
    const { ports, settings } = this.#parts
    // 4
    await ports.failpoints.hit('commit.send')
    const acknowledged = await generation.output.finish()
    await ports.failpoints.hit('commit.acknowledged')
    // 5 and 6
    if (settings.guarantee === 'exactly-once') await this.#endTransaction(generation.offsets)
    else await this.#commitOffsets(generation.offsets)
    await ports.failpoints.hit('commit.ended')
    return acknowledged
  }

  /** The worker dropped its tasks: a commit still under way must not touch them any more. */
  cancel(): void {
    this.#cancelled = true
  }

  async #seal({ task, state, changelogs }: OpenTask): Promise<void> {
    for (const [name, store] of state.stores) {
      const log = changelogs.get(name)?.log ?? NO_CHANGELOG
      await this.#sliced((shouldYield) => {
        try {
          return store.seal(log, shouldYield)
        } catch (error) {
          task.sealFailed(error)
          return false
        }
      })
    }
  }

  async #endTransaction(offsets: readonly CommittedOffset[]): Promise<void> {
    const { producer, ports, member } = this.#parts
    if (offsets.length > 0) await producer.sendOffsets(offsets, member().fence())
    await ports.failpoints.hit('commit.offsets')
    await ports.failpoints.hit('commit.end')
    await producer.commit()
  }

  async #commitOffsets(offsets: readonly CommittedOffset[]): Promise<void> {
    await this.#parts.ports.failpoints.hit('commit.offsets')
    if (offsets.length > 0) await this.#parts.member().commit(offsets)
    await this.#parts.ports.failpoints.hit('commit.end')
  }

  async #store(
    { state, changelogs }: OpenTask,
    acknowledged: Acknowledged,
    offsets: readonly CommittedOffset[],
  ): Promise<void> {
    await this.#parts.ports.failpoints.hit('commit.store')
    const stores = [...state.stores.values()]
    await this.#sliced((shouldYield) => {
      for (const store of stores) {
        for (;;) {
          if (this.#cancelled) return true
          const entries = store.takeCommitted(STORE_ENTRIES_PER_WRITE)
          if (entries.length === 0) break
          state.write(entries)
          if (shouldYield()) return false
        }
      }
      return true
    })
    if (this.#cancelled) return
    const positions = new Map<string, number>()
    for (const [name, { topic, partition, upTo }] of changelogs) {
      // A source topic that is a changelog is known as far as its input was processed.
      const position =
        upTo === undefined
          ? acknowledged.get(partitionId(topic, partition))
          : offsets.find((one) => one.topic === topic && one.partition === partition)?.offset
      if (position !== undefined) positions.set(name, position)
    }
    state.writePositions(positions)
    for (const store of stores) store.written()
  }

  #sliced(step: (shouldYield: () => boolean) => boolean): Promise<void> {
    const { clock, scheduler } = this.#parts.ports
    return inSlices(clock, scheduler, this.#parts.settings.sliceMs, step)
  }
}

/** Queries that ask for results of input up to an offset wait for this. */
function showUpTo({ visible }: OpenTask, offsets: readonly CommittedOffset[]): void {
  for (const { topic, partition, offset } of offsets) {
    const id = partitionId(topic, partition)
    if (visible.has(id)) visible.set(id, offset)
  }
}

function NO_CHANGELOG(): void {}
