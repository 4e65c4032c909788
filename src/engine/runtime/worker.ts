/**
 * The loop. One worker is one group member with one producer; it alone touches its tasks. One turn:
 *
 *   1. what happened beside the loop: failures, loss of membership, tasks opened, assignment changes
 *   2. updates of global tables; fetched batches into the buffers
 *   3. a slice of records, task by task; outcomes of calls; punctuators
 *   4. a commit when it is due (steps 1 to 3 here, 4 to 7 beside the loop), early sends
 *   5. give way, or wait until something happens
 *
 *   created ─► running ─► closing ─► closed
 *                 └─────► failed
 *
 * Any failure abandons the session and builds a new one from committed bytes; only errors that repeating can't cure
 * (domain user, broken data, a full disk) fail the worker.
 */
import { sleep } from '../../core/clock.ts'
import type { AssignmentChange, GroupMember, Producer } from '../../core/broker.ts'
import { asError, problemOf } from '../../core/errors.ts'
import { type TaskId, taskName } from '../../core/record.ts'
import { type GlobalState, openGlobalState } from './global-state.ts'
import { workerError } from './failure.ts'
import { joinGroup, stopOthers } from './membership.ts'
import { Purge } from './purge.ts'
import { type HeldStates, NOTHING_HELD } from './query.ts'
import { Session } from './session.ts'
import type { WorkerParts } from './worker-parts.ts'
import type { PartitionProgress } from './session.ts'
import { StateCleanup } from './state-cleanup.ts'

export type WorkerState = 'created' | 'running' | 'closing' | 'closed' | 'failed'

/** Longest wait of an idle loop, ms. */
const MAX_WAIT_MS = 100

/** Outcomes delivered per in-flight operator and turn. */
const OUTCOMES_PER_TURN = 500

const MAX_BACKOFF_DOUBLINGS = 8

export class Worker {
  state: WorkerState = 'created'
  readonly #parts: WorkerParts
  readonly #producer: Producer
  readonly #purge: Purge
  readonly #cleanup: StateCleanup
  #member: GroupMember | undefined
  #session: Session | undefined
  /** Outlives sessions: nothing in it is uncommitted. */
  #globals: GlobalState | undefined
  #committing: Promise<void> | undefined
  #lastCommit = 0
  #commitRequested = false
  /** Something was processed since the last commit was closed. */
  #worked = false
  #nudged = false
  #owned: readonly TaskId[] = []
  #standby: readonly TaskId[] = []
  #failures = 0
  /** Where the next turn begins among the tasks. */
  #first = 0
  #toldSettled = false
  /** Ends the back-off between sessions. */
  readonly #closing = new AbortController()
  #turnedAt: number
  #paused = false

  constructor(parts: WorkerParts) {
    this.#parts = parts
    this.#turnedAt = parts.ports.clock.monotonic()
    const { settings, plan, ports } = parts
    const exactly = settings.guarantee === 'exactly-once'
    this.#producer = ports.broker.producer(
      exactly
        ? {
            transactionalId: `${plan.application}-${parts.processId}-${parts.index}`,
            transactionTimeoutMs: settings.transactionTimeoutMs,
          }
        : {},
    )
    this.#purge = new Purge(ports, settings.purgeIntervalMs)
    this.#cleanup = new StateCleanup(parts)
  }

  /** Tasks processing now. */
  get running(): readonly TaskId[] {
    return this.#session?.tasks.map(({ task }) => task.id) ?? []
  }

  /** Tasks whose state it keeps for others. */
  get standby(): readonly TaskId[] {
    return this.#session?.standbys.tasks ?? []
  }

  /** States for queries; none while the session is being rebuilt. */
  get held(): HeldStates {
    return this.#session?.held ?? NOTHING_HELD
  }

  /** True when all owned tasks are processing and no change is pending. */
  get settled(): boolean {
    const session = this.#session
    if (session === undefined || this.#member?.change !== undefined || session.openingCount > 0) return false
    return session.running.size === this.#owned.length
  }

  /** Records that wait for an answer. */
  get pending(): number {
    let pending = 0
    for (const { task } of this.#session?.tasks ?? []) {
      for (const flight of task.graph.inFlight) pending += flight.size
    }
    return pending
  }

  /** How far each source partition is. */
  get progress(): readonly PartitionProgress[] {
    return this.#session?.progress ?? []
  }

  /** Milliseconds since the last turn began. */
  get sinceTurnMs(): number {
    return this.#parts.ports.clock.monotonic() - this.#turnedAt
  }

  /** Runs until `close`; rejects with the error that repeating cannot cure. */
  async run(): Promise<void> {
    if (this.state === 'created') this.state = 'running'
    try {
      while (this.state === 'running') {
        try {
          await this.#turn((this.#session ??= await this.#begin()))
        } catch (error) {
          await this.#recover(error)
        }
      }
      await this.#finish()
      this.state = 'closed'
    } catch (error) {
      this.state = 'failed'
      await this.#attempt('stopping the other instances', () => stopOthers(this.#parts, this.#member, error))
      await this.#leave()
      throw error
    }
  }

  get paused(): boolean {
    return this.#paused
  }

  /** While paused nothing is processed or punctuated and no outcome of a call goes on; the rest of the loop turns as always. */
  pause(paused: boolean): void {
    this.#paused = paused
    this.#wake()
  }

  /** Asks the loop to commit, give its tasks back and end; `run` resolves then. */
  close(): void {
    if (this.state === 'running' || this.state === 'created') this.state = 'closing'
    this.#closing.abort()
    this.#wake()
  }

  async #begin(): Promise<Session> {
    const { ports } = this.#parts
    await this.#producer.init()
    const globals = (this.#globals ??= await openGlobalState(this.#parts, () => this.state !== 'running'))
    if (this.#member === undefined || this.#member.lost !== undefined) {
      this.#owned = []
      this.#standby = []
      this.#member = await joinGroup(this.#parts)
      this.#member.onChange(() => this.#wake())
    }
    const session = new Session({
      ...this.#parts,
      producer: this.#producer,
      member: this.#member,
      globals: globals.stores,
      wake: () => this.#wake(),
      requestCommit: () => {
        this.#commitRequested = true
      },
    })
    this.#lastCommit = ports.clock.monotonic()
    const revoked = new Set((this.#member.change?.revoked ?? []).map(taskName))
    session.standbys.follow(this.#standby)
    for (const id of this.#owned) if (!revoked.has(taskName(id))) session.open(id)
    return session
  }

  async #turn(session: Session): Promise<void> {
    this.#turnedAt = session.ports.clock.monotonic()
    // 1
    this.#check(session)
    session.integrate()
    const change = this.#member!.change
    if (change !== undefined) await this.#change(session, change)
    this.#tellSettled()
    if (this.#cleanup.due) await this.#cleanup.look(session.used)
    // 2
    const updated = this.#globals!.receive()
    const received = await session.receive()
    // 3
    const worked = this.#work(session)
    // A batch of markers alone moves positions: committed too, or the group would seem to lag for ever.
    if (worked > 0 || received) this.#worked = true
    this.#failures = worked > 0 ? 0 : this.#failures
    // 4
    await this.#commitWhenDue(session)
    session.output.sendEarly()
    // 5
    if (received || updated || worked > 0) await session.ports.scheduler.yield()
    else await this.#wait(session)
  }

  #tellSettled(): void {
    const settled = this.settled
    if (settled === this.#toldSettled) return
    this.#toldSettled = settled
    this.#parts.onSettled(settled)
  }

  #check(session: Session): void {
    if (this.#member!.lost !== undefined) throw this.#member!.lost
    if (session.failure !== undefined) throw session.failure
    if (session.output.failure !== undefined) throw session.output.failure
  }

  #work(session: Session): number {
    if (this.#paused) return 0
    const { settings, ports } = session
    const deadline = ports.clock.monotonic() + settings.sliceMs
    const { tasks } = session
    let done = 0
    // Each turn begins with another task, or the first one with a backlog would have most of every slice.
    this.#first++
    for (let at = 0; at < tasks.length; at++) {
      const { task } = tasks[(this.#first + at) % tasks.length]!
      done += task.drainOutcomes(OUTCOMES_PER_TURN)
      if (session.output.unsentBytes < settings.maxUnsentBytes)
        done += task.process(settings.sliceRecords, deadline)
      done += task.punctuate()
    }
    return done
  }

  async #commitWhenDue(session: Session): Promise<void> {
    // A commit that failed while this turn waited leaves sealed stores behind: nothing may be sealed on top of them.
    this.#check(session)
    if (this.#committing !== undefined || !this.#commitDue(session)) return
    this.#worked = false
    this.#commitRequested = false
    this.#lastCommit = session.ports.clock.monotonic()
    const generation = await session.committer.close(session.tasks)
    this.#committing = session.committer.finish(generation).then(
      () => {
        this.#committing = undefined
        this.#purge.after(generation.tasks)
        this.#wake()
      },
      (error: unknown) => {
        this.#committing = undefined
        session.failure ??= asError(error)
        this.#wake()
      },
    )
  }

  #commitDue(session: Session): boolean {
    if (this.#commitRequested) return true
    if (!this.#worked) return false
    const { settings, ports } = session
    if (ports.clock.monotonic() - this.#lastCommit >= settings.commitIntervalMs) return true
    let dirty = 0
    for (const { state } of session.running.values())
      for (const store of state.stores.values()) dirty += store.dirtyBytes
    return dirty >= settings.maxDirtyBytes
  }

  /** Everything processed so far is committed and stored when this resolves; nothing is processed meanwhile. */
  async #commitNow(session: Session): Promise<void> {
    await this.#committing
    this.#check(session)
    await session.committer.finish(await session.committer.close(session.tasks))
    this.#worked = false
  }

  async #change(session: Session, change: AssignmentChange): Promise<void> {
    const { failpoints } = session.ports
    await failpoints.hit('revoke.start')
    await session.cancelOpening(change.revoked)
    if (change.revoked.some((id) => session.running.has(taskName(id)))) {
      await failpoints.hit('revoke.commit')
      await this.#commitNow(session)
    }
    await failpoints.hit('revoke.close')
    await session.release(change.revoked)
    await failpoints.hit('revoke.acknowledge')
    await this.#member!.acknowledge(change)
    this.#owned = change.active
    this.#standby = change.standby
    session.standbys.follow(change.standby)
    for (const id of change.active) session.open(id)
  }

  async #wait(session: Session): Promise<void> {
    if (this.#nudged) {
      this.#nudged = false
      return session.ports.scheduler.yield()
    }
    await session.fetcher.arrived(this.#waitTime(session))
    this.#nudged = false
  }

  #waitTime(session: Session): number {
    const { clock } = session.ports
    let wait = MAX_WAIT_MS
    if (this.#worked && this.#committing === undefined) {
      wait = Math.min(wait, this.#lastCommit + session.settings.commitIntervalMs - clock.monotonic())
    }
    for (const { task } of this.#paused ? [] : session.running.values()) {
      const due = task.nextWallClock()
      if (due !== undefined) wait = Math.min(wait, due - clock.now())
    }
    return Math.max(0, wait)
  }

  #wake(): void {
    this.#nudged = true
    this.#session?.fetcher.wake()
  }

  /** Abandons the session; throws when repeating can't help. */
  async #recover(error: unknown): Promise<void> {
    const { ports, settings } = this.#parts
    await ports.failpoints.hit('abort.start')
    await this.#abandon()
    if (this.#globals?.failed === true) this.#closeGlobals()
    const known = workerError(error)
    if (known.retry === 'never') throw known
    ports.log.warn({ code: known.code, failures: this.#failures }, `worker starts anew: ${known.message}`)
    ports.metrics.counter('worker-restarts-total', { code: known.code }).value++
    const doublings = Math.min(this.#failures++, MAX_BACKOFF_DOUBLINGS)
    const wait = settings.restartBackoffMs * 2 ** doublings * ports.random.next()
    await sleep(ports.clock, wait, this.#closing.signal)
    await ports.failpoints.hit('abort.rebuilt')
  }

  async #abandon(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    this.#tellSettled()
    await session?.abandon()
    // Its calls of the producer must be over before the producer is initialised again.
    await this.#committing
    this.#worked = false
  }

  /** Commits, closes the tasks and leaves. What can't be committed now is processed again by the next owner. */
  async #finish(): Promise<void> {
    const session = this.#session
    if (session !== undefined) {
      try {
        await session.cancelOpening(this.#owned)
        await this.#commitNow(session)
        await session.release(this.#owned)
      } catch (error) {
        this.#parts.ports.log.warn(
          { problem: problemOf(error) },
          'the last commit failed; its records will be processed again',
        )
      }
      await this.#abandon()
    }
    await this.#purge.idle()
    await this.#leave()
  }

  #closeGlobals(): void {
    this.#globals?.close()
    this.#globals = undefined
  }

  /** Each step whatever became of the one before: a member that stayed would keep its tasks from everybody. */
  async #leave(): Promise<void> {
    await this.#attempt('closing the tasks', () => this.#abandon())
    this.#closeGlobals()
    await this.#attempt('closing the producer', () => this.#producer.close())
    await this.#attempt('leaving the group', () => this.#member?.leave())
  }

  async #attempt(what: string, step: () => Promise<void> | undefined): Promise<void> {
    try {
      await step()
    } catch (error) {
      this.#parts.ports.log.warn({ problem: problemOf(error) }, `${what} failed; its session will time out`)
    }
  }
}
