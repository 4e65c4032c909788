/**
 * Bugs to plant, as data: one edit of one file each, of the kind people really write. `find` must occur exactly once. Each
 * breaks a promise of the design; none may depend on a seed. What can't be killed is not listed here but in docs/testing.md.
 */

export interface PlantedBug {
  readonly name: string
  /** What somebody may have thought, and what breaks. */
  readonly why: string
  readonly file: string
  readonly find: string
  readonly replace: string
  /** The scenario most likely to show it, tried with every seed before the others: saves minutes, changes no verdict. */
  readonly likely?: string
}

const COMMIT = 'src/engine/runtime/commit.ts'
const IN_FLIGHT = 'src/engine/runtime/in-flight.ts'
const OUTPUT = 'src/engine/runtime/output.ts'
const SESSION = 'src/engine/runtime/session.ts'
const WORKER = 'src/engine/runtime/worker.ts'
const RESTORE = 'src/engine/runtime/restore.ts'
const TASK_STATE = 'src/engine/state/task-state.ts'
const LAYERED = 'src/engine/state/layered-store.ts'

const ENGINE: readonly PlantedBug[] = [
  {
    name: 'commit before flush',
    why: 'offsets and transaction end while output is still on its way: a crash in between loses it',
    file: COMMIT,
    find: 'const acknowledged = await generation.output.finish()',
    replace: `const acknowledged = new Map<string, number>()
    generation.output.finish().catch((error: unknown) => (this.#parts.output.failure ??= error))`,
  },
  {
    name: 'flush after close',
    why: 'what coalesced emission holds goes into the next generation, its offsets into this one',
    file: COMMIT,
    find: `    for (const { task } of tasks) await this.#sliced((shouldYield) => task.flush(shouldYield))
    await failpoints.hit('commit.ledger')
    // 3
    for (const { task } of tasks) for (const flight of task.graph.inFlight) flight.writeLedger()
    for (const open of tasks) await this.#seal(open)
    const output = this.#parts.output.close()
`,
    replace: `    await failpoints.hit('commit.ledger')
    // 3
    for (const { task } of tasks) for (const flight of task.graph.inFlight) flight.writeLedger()
    for (const open of tasks) await this.#seal(open)
    const output = this.#parts.output.close()
    for (const { task } of tasks) await this.#sliced((shouldYield) => task.flush(shouldYield))
`,
  },
  {
    name: 'store before commit',
    why: 'the store is written when it is sealed: an abort leaves in it what never happened',
    file: COMMIT,
    find: 'return store.seal(log, shouldYield)',
    replace: `const sealed = store.seal(log, shouldYield)
          if (sealed) state.write(store.takeCommitted(Number.MAX_SAFE_INTEGER))
          return sealed`,
  },
  {
    name: 'answers without fence',
    likely: 'everything',
    why: 'a transaction that holds only answers moves no offset; without one it carries no fence, and a zombie commits it',
    file: COMMIT,
    find: 'offsets.length > 0 || output.empty ? offsets : tasks.flatMap(({ task }) => task.offsets(true))',
    replace: 'offsets',
  },
  {
    name: 'unknown outcome taken for success',
    why: 'a commit without an answer may not have happened; going on loses a generation',
    file: COMMIT,
    find: 'await producer.commit()',
    replace: 'await producer.commit().catch(() => undefined)',
  },
  {
    name: 'offset + 1',
    why: 'commits the record that is next as if it had been processed',
    file: 'src/engine/runtime/buffer.ts',
    find: 'this.position = batch.offsetAt(this.index)',
    replace: 'this.position = batch.offsetAt(this.index) + 1',
  },
  {
    name: 'g+1 leaks into g',
    why: 'output of the next generation is sent while this one commits: it rides in a transaction that lacks its offsets',
    file: OUTPUT,
    find: 'this.#held = true',
    replace: 'this.#held = false',
  },
  {
    name: 'buffer not swapped',
    why: 'the closed generation sends what has gathered by then, records of the next one included',
    file: OUTPUT,
    find: `    this.#buffer = this.#producer.buffer()
    this.#late = this.#producer.buffer()
    this.#acknowledged = new Map()`,
    replace: `    this.#late = this.#producer.buffer()
    this.#acknowledged = new Map()`,
  },
  {
    name: 'ledger entry never written',
    why: 'offsets of records whose calls are pending are committed, and nothing remembers them',
    file: COMMIT,
    find: 'for (const { task } of tasks) for (const flight of task.graph.inFlight) flight.writeLedger()',
    replace: '',
  },
  {
    name: 'ledger tombstone early',
    why: 'the entry is deleted when the answer arrives, not in the generation that emits it',
    file: IN_FLIGHT,
    find: 'pending.settled = true',
    replace: `pending.settled = true
    if (pending.ledgered >= 0) this.#parts.ledger.delete(sequenceKey(ticket.sequence))`,
  },
  {
    name: 'ledger tombstone never',
    why: 'an answered record is asked again after a restart',
    file: IN_FLIGHT,
    find: 'if (pending.ledgered >= 0) this.#parts.ledger.delete(sequenceKey(ticket.sequence))\n      try {',
    replace: 'try {',
  },
  {
    name: 'ledger tombstone beside its output',
    likely: 'everything',
    why: 'without a transaction a send may arrive in part: the deletion without the output loses the record',
    file: 'src/engine/runtime/open-task.ts',
    find: "store.ledgerOf !== undefined && guarantee === 'at-least-once'",
    replace: 'false',
  },
  {
    name: 'ledger sequence starts anew',
    why: 'new records overwrite the entries of restored ones',
    file: IN_FLIGHT,
    find: 'this.#nextSequence = sequence + 1',
    replace: '',
  },
  {
    name: 'result emitted after revoke',
    why: 'calls of a task given up run on, and their answers are sent beside those of the new owner',
    file: IN_FLIGHT,
    find: `    this.#closed = true
    this.#settled = []
    this.#pending.clear()
    this.#operator.close()
  }

  #add(ticket: Ticket, now: number, ledgered: number): void {
    this.#pending.set(ticket.sequence, { ticket, admittedAt: now, ledgered, settled: false })
    this.#operator.admit(ticket)
  }

  #settle(ticket: Ticket, outcome: AsyncOutcome): void {
    if (this.#closed) return`,
    replace: `    this.#closed = true
  }

  #add(ticket: Ticket, now: number, ledgered: number): void {
    this.#pending.set(ticket.sequence, { ticket, admittedAt: now, ledgered, settled: false })
    this.#operator.admit(ticket)
  }

  #settle(ticket: Ticket, outcome: AsyncOutcome): void {
    if (this.#closed) return this.#deliver(ticket, outcome)`,
  },
  {
    name: 'task opened twice',
    why: 'a task that was opened but not taken over yet is opened again during a change',
    file: SESSION,
    find: 'if (this.#ready.some(({ task }) => task.name === name)) return',
    replace: '',
  },
  {
    name: 'revoked without a commit',
    why: 'a task is given up with output already sent: it is committed later without its offsets',
    file: WORKER,
    find: `      await failpoints.hit('revoke.commit')
      await this.#commitNow(session)`,
    replace: `      await failpoints.hit('revoke.commit')`,
  },
  {
    name: 'restore to the last stable offset',
    likely: 'fans-out',
    why: 'an open transaction of a dead owner hides what was committed behind it',
    file: RESTORE,
    find: "admin.listOffset(topic, partition, 'latest', 'read_uncommitted')",
    replace: "admin.listOffset(topic, partition, 'latest', 'read_committed')",
  },
  {
    name: 'source changelog read too far',
    likely: 'counted',
    why: 'a table knows records that are processed again: what it says was before each of them is wrong',
    file: RESTORE,
    find: 'fetched.nextOffset <= upTo ? fetched : batchUpTo(fetched, upTo)',
    replace: 'upTo > batchUpTo(fetched, upTo).nextOffset ? batchUpTo(fetched, upTo) : fetched',
  },
  {
    name: 'restore skipped',
    why: 'local state is taken for complete, whatever its changelog says',
    file: RESTORE,
    find: 'if (behind.size === 0) return !signal.aborted',
    replace: 'if (behind.size >= 0) return !signal.aborted',
  },
  {
    name: 'ticks not committed',
    why: 'after a restart punctuators start from the beginning of time',
    file: 'src/engine/runtime/timers.ts',
    find: "if (schedule.kind === 'stream-time') entries.set(schedule.entry, schedule.next)",
    replace: '',
  },
]

const STATE: readonly PlantedBug[] = [
  {
    name: 'dirty cache kept after abort',
    why: 'typed stores are reused when the same task is opened again: they show updates that were aborted',
    file: TASK_STATE,
    find: `    this.stores = new Map(
      options.stores.map((store) => [store.name, typedStore(store, storage, stateOptions)]),
    )`,
    replace: `    const global = globalThis as unknown as { kept?: WeakMap<object, Map<string, Map<string, ManagedStore>>> }
    const kept = (global.kept ??= new WeakMap())
    const known = kept.get(options.backend) ?? new Map<string, Map<string, ManagedStore>>()
    kept.set(options.backend, known)
    this.stores =
      known.get(options.folder) ??
      new Map(options.stores.map((store) => [store.name, typedStore(store, storage, stateOptions)]))
    for (const store of this.stores.values()) store.written()
    known.set(options.folder, this.stores as Map<string, ManagedStore>)`,
  },
  {
    name: 'boot id ignored',
    why: 'a power cut leaves a mix of old and new in a store that is never synced, and it is trusted',
    file: TASK_STATE,
    find: 'storage.meta(META.boot) !== options.bootId',
    replace: 'storage.meta(META.boot) === undefined',
  },
  {
    name: 'incomplete restore trusted',
    why: 'the store says where it will be when its restore begins: one that is interrupted looks complete',
    file: RESTORE,
    find: 'if (position < end) {',
    replace: `if (position < end) {
      state.writePositions(new Map([[store, end]]))`,
  },
  {
    name: 'sealed generation invisible',
    why: 'a key that left the cache is read from the storage while its update is still being committed',
    file: LAYERED,
    find: 'const sealed = this.#sealed.get(id)',
    replace: 'const sealed = this.#sealed.get(`not ${id}`)',
  },
  {
    name: 'cached object handed out unfrozen',
    why: 'a callback that changes the value it was given changes the store behind its back',
    file: 'src/engine/state/serializer.ts',
    find: 'return this.#freeze ? deepFreeze(held) : held',
    replace: 'return held',
  },
]

const JOINS: readonly PlantedBug[] = [
  {
    name: 'stale answer taken',
    likely: 'refers',
    why: 'the left value changed while its question was on the way: the answer to the old one makes the result',
    file: 'src/engine/operators/join-foreign.ts',
    find: 'if (!sameBytes(hash, current))',
    replace: 'if (hash === undefined)',
  },
  {
    name: 'answer to any partition',
    likely: 'refers',
    why: 'an answer that does not go back to the partition that asked finds no left value there',
    file: 'src/engine/operators/join-foreign.ts',
    find: 'return (record.value as SubscriptionResponse).primaryPartition',
    replace: 'return (record.value as SubscriptionResponse).primaryPartition && 0',
  },
  {
    name: 'partner forgotten',
    likely: 'pairs',
    why: 'a record that found a partner late still waits, and is emitted alone in the end',
    file: 'src/engine/operators/unmatched.ts',
    find: 'if (this.#store.get(key) !== undefined) this.#store.delete(key, cause)',
    replace: 'if (this.#store.get(key) === undefined) this.#store.delete(key, cause)',
  },
  {
    name: 'held records by their time alone',
    likely: 'as-of',
    why: 'after a restart numbers begin anew: a record takes the place of one of the same time and key that is still held',
    file: 'src/engine/operators/join-grace.ts',
    find: "this.#sequence = context.kept('sequence')",
    replace: 'this.#sequence = { value: 0 }',
  },
]

const WINDOWS: readonly PlantedBug[] = [
  {
    name: 'open windows forgotten',
    likely: 'windows',
    why: 'what was open when the task moved has no final result',
    file: 'src/engine/operators/final-windows.ts',
    find: '    this.#findOpen()\n  }',
    replace: '  }',
  },
  {
    name: 'final results twice',
    likely: 'windows',
    why: 'a task that opens takes every window in its store for open: those that had their result get another',
    file: 'src/engine/operators/final-windows.ts',
    find: 'if (time > emitted) this.#open.add(key, time, minor)',
    replace: 'if (time > emitted - 1e6) this.#open.add(key, time, minor)',
  },
  {
    name: 'suppressed and forgotten',
    likely: 'windows',
    why: 'updates held back are in the store after a restart, but never get their turn',
    file: 'src/engine/operators/suppress-buffer.ts',
    find: 'for (const [key, held] of parts.store.all()) {',
    replace: 'for (const [key, held] of parts.store.range(undefined, undefined).take(0)) {',
  },
]

const BROKER: readonly PlantedBug[] = [
  {
    name: 'no requireStable',
    likely: 'fans-out',
    why: 'committed offsets are answered while a transaction that moves them is still open',
    file: 'src/brokers/embedded/offsets.ts',
    find: 'while (this.#anyPending(group, keys)) {',
    replace: 'while (keys.length < 0) {',
  },
  {
    name: 'stale producer epoch accepted',
    likely: 'joins',
    why: 'a producer that was replaced, or whose transaction timed out, goes on',
    file: 'src/brokers/embedded/transactions.ts',
    find: 'if (state.producerId === producerId && state.epoch === epoch) return',
    replace: 'if (state.producerId === producerId) return',
  },
  {
    name: 'zombie member not fenced',
    why: 'a member that was expelled commits offsets of tasks that others own',
    file: 'src/brokers/embedded/group.ts',
    find: "if (member === undefined) throw this.#fenced(memberId, epoch, 'it is not in the group any more')",
    replace: 'if (member === undefined) return',
  },
  {
    name: 'two owners of a task',
    why: 'a task is handed out before its former owner gave it up',
    file: 'src/brokers/embedded/group.ts',
    find: 'target.active.filter((task) => !owners.has(taskName(task)))',
    replace: 'target.active.filter((task) => !member.owned.has(taskName(task)))',
  },
  {
    name: 'last stable offset ignored',
    why: 'a reader of committed records sees transactions that are still open',
    file: 'src/brokers/embedded/fetcher.ts',
    find: 'return this.#committedOnly ? log.stableOffset : log.highWatermark',
    replace: 'return log.highWatermark',
  },
  {
    name: 'aborted filter dropped',
    why: 'a reader of committed records sees aborted ones',
    file: 'src/brokers/embedded/fetcher.ts',
    find: 'const aborted = this.#committedOnly ? log.aborted(reading.position, limit) : undefined',
    replace: 'const aborted = undefined',
  },
  {
    name: 'acknowledged before fsync',
    why: 'a power cut takes what was acknowledged',
    file: 'src/brokers/embedded/folder-store.ts',
    find: '    await file.sync()\n    const last = group.at(-1)!',
    replace: '    const last = group.at(-1)!',
  },
  {
    name: 'torn tail kept',
    likely: 'joins',
    why: 'a batch of which a crash left only a part is taken for whole',
    file: 'src/brokers/embedded/segment-scan.ts',
    find: "else if (position + at + header.size > size) problem = 'its end is missing'",
    replace: `else if (position + at + header.size > size) {
        options.visit(header, chunk, at)
        return { intact: size, size, problem: undefined, lastGroup }
      }`,
  },
  {
    name: 'decided commit aborted on open',
    why: 'a broker that died between decision and markers forgets the decision',
    file: 'src/brokers/embedded/transactions.ts',
    find: 'return ended.outcome',
    replace: "return 'abort'",
  },
]

export const PLANTED: readonly PlantedBug[] = [...ENGINE, ...STATE, ...JOINS, ...WINDOWS, ...BROKER]
