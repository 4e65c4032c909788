/**
 * A member of a classic group. Rounds of join and sync run beside the worker, which keeps its tasks through them; only what
 * it acknowledged as given up is given to others. Heartbeats have a connection of their own and never wait for a round.
 *
 * joining ──assigned──▶ member ──round wanted──▶ joining
 *    └────────── expelled, or silent for a session by our own clock ──▶ lost          any ──leave──▶ left
 */
import type {
  AssignmentChange,
  CommittedOffset,
  GroupFence,
  GroupMember,
  JoinOptions,
} from '../../../core/broker.ts'
import { sleep } from '../../../core/clock.ts'
import type { Timer } from '../../../core/clock.ts'
import type { TopicPartition } from '../../../core/record.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { isSluiceError, problemOf, sluiceError } from '../../../core/errors.ts'
import type { Parts } from '../ask.ts'
import { Code } from '../codes.ts'
import { errorKind, errorName, failure } from '../cluster/error-codes.ts'
import type { GroupLink, Joined, MemberOptions } from './coordinator.ts'
import { heartbeat, joinGroup, leaveGroup, syncGroup } from './coordinator.ts'
import type { PartitionCounts } from './leader.ts'
import { assignGroup, partitionsOf } from './leader.ts'
import type { Members, ProvedMember } from './members.ts'
import type { Standing } from './offsets.ts'
import { commitOffsets, fetchOffsets } from './offsets.ts'
import { Ownership } from './ownership.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './user-data.ts'

/** After a round that failed for a passing reason, ms. */
const ROUND_PAUSE_MS = 100

export class KafkaMember implements GroupMember, ProvedMember {
  readonly #parts: Parts
  readonly #link: GroupLink
  readonly #options: JoinOptions
  readonly #times: MemberOptions
  readonly #members: Members
  readonly #ownership = new Ownership()
  readonly #leaving = new AbortController()
  #memberId = ''
  #generation = -1
  /** Of the last assignment. */
  #assigned = -1
  #lost: SluiceError | undefined
  /** Why it asks all members to stop. */
  #stopReason: string | undefined
  #left = false
  /** Time of sending of the last request that the coordinator answered as to a member. */
  #heardAt = 0
  #roundWanted = false
  #rounds: Promise<void> | undefined
  /** What the leader assigned by, and only the leader. */
  #counts: PartitionCounts | undefined
  #beat: Timer | undefined
  #overdue: Timer | undefined
  #news: Timer | undefined
  #listener: (() => void) | undefined

  constructor(link: GroupLink, options: JoinOptions, times: MemberOptions, members: Members) {
    this.#parts = link.parts
    this.#link = link
    this.#options = options
    this.#times = times
    this.#members = members
  }

  get memberId(): string {
    return this.#memberId
  }

  /** Takes a member id and begins to join. @throws SLUICE_TOPOLOGY, SLUICE_CONFIG_INVALID, SLUICE_KAFKA_DENIED */
  async start(): Promise<void> {
    const { topology } = this.#options
    const answer = await joinGroup(this.#link, '', this.#subscription(), topology)
    if (answer.kind === 'named') this.#memberId = answer.memberId
    else if (answer.kind === 'joined') await this.#become(answer.joined)
    else throw this.#fenced(answer.problem)
    this.#heardAt = this.#parts.clock.monotonic()
    this.#members.add(this.#memberId, this)
    this.#round(answer.kind === 'named')
    this.#beatLater()
    // Long enough for a group that is at rest, so that a refusal is this call's.
    const soon = sleep(this.#parts.clock, this.#times.heartbeatIntervalMs, this.#leaving.signal)
    await Promise.race([this.#rounds, soon])
    if (this.#lost !== undefined) throw this.#lost
  }

  fence(): GroupFence {
    const { group } = this.#link
    return { group, memberId: this.#memberId, epoch: this.#ownership.epoch }
  }

  standing(): Standing {
    return { memberId: this.#memberId, generation: this.#generation }
  }

  get change(): AssignmentChange | undefined {
    return this.#left || this.lost !== undefined ? undefined : this.#ownership.change
  }

  get lost(): SluiceError | undefined {
    if (this.#left) return undefined
    const silent = this.#parts.clock.monotonic() - this.#heardAt
    if (this.#lost === undefined && this.#assigned >= 0 && silent >= this.#times.sessionTimeoutMs)
      this.expelled(`nothing was heard of its coordinator for ${Math.floor(silent)} ms`)
    return this.#lost
  }

  onChange(listener: () => void): void {
    this.#listener = listener
    if (this.change !== undefined || this.lost !== undefined) this.#tell()
  }

  async acknowledge(change: AssignmentChange): Promise<void> {
    this.#check()
    if (this.#ownership.change !== change) {
      const problem = 'a change was acknowledged that is not the offered one'
      throw sluiceError('SLUICE_INTERNAL', {
        place: `member ${this.#memberId} of group ${this.#link.group}`,
        problem,
      })
    }
    this.#overdue?.cancel()
    if (this.#ownership.acknowledge(change)) this.#offered()
    if (this.#ownership.mustTell) this.#round(true)
  }

  async committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    this.#check()
    const offsets = await fetchOffsets(this.#parts, this.#link.group, partitions, true)
    this.#check()
    return offsets
  }

  async commit(offsets: readonly CommittedOffset[]): Promise<void> {
    this.#check()
    if (offsets.length === 0) return
    const { group } = this.#link
    const fence = this.fence()
    const code = await this.#members.proved(fence, (standing) =>
      commitOffsets(this.#parts, group, standing, offsets),
    )
    if (code === 0) return
    if (code === Code.OFFSET_METADATA_TOO_LARGE) {
      throw sluiceError('SLUICE_CONFIG_INVALID', {
        place: `group ${group}: offset metadata`,
        expected: 'at most offset.metadata.max.bytes of the broker (4,096 by default)',
        came: 'more',
      })
    }
    if (errorKind(code) === 'fenced') throw this.#lost ?? this.#fenced(errorName(code))
    throw failure(code, `OffsetCommit of group ${group}`)
  }

  async leave(): Promise<void> {
    if (this.#left) return
    const member = this.#lost === undefined
    this.#left = true
    this.#stop()
    if (member) await this.#sayLeave()
    const { cluster } = this.#parts
    cluster.release(this.#link.joinPurpose)
    cluster.release(this.#link.heartbeatPurpose)
  }

  async stopAll(reason: string): Promise<void> {
    this.#check()
    this.#stopReason = reason
    this.#round(true)
    await this.#rounds
  }

  async joined(rejoin: boolean): Promise<void> {
    if (rejoin) this.#round(true)
    await this.#rounds
  }

  expelled(problem: string): void {
    if (this.#lost === undefined) this.#lose(this.#fenced(problem))
  }

  /** Joins again, unless it does already: then after that. */
  #round(wanted: boolean): void {
    this.#roundWanted ||= wanted
    if (this.#ended || !this.#roundWanted) return
    this.#rounds ??= this.#runRounds().finally(() => {
      this.#rounds = undefined
      this.#round(false)
    })
  }

  async #runRounds(): Promise<void> {
    while (this.#roundWanted && !this.#ended) {
      this.#roundWanted = false
      try {
        await this.#oneRound()
      } catch (error) {
        if (this.#ended) return
        if (!isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE')) return this.#lose(asLost(error))
        this.#parts.log.warn({ group: this.#link.group }, `joining is repeated: ${error.message}`)
        this.#roundWanted = true
        await sleep(this.#parts.clock, ROUND_PAUSE_MS, this.#leaving.signal)
      }
    }
  }

  /** 1. Join with what is owned. 2. The leader assigns. 3. Sync. 4. Offer the difference. */
  async #oneRound(): Promise<void> {
    const { topology } = this.#options
    this.#ownership.claim()
    const sentAt = this.#parts.clock.monotonic()
    const answer = await joinGroup(this.#link, this.#memberId, this.#subscription(), topology)
    if (this.#ended) return
    if (answer.kind === 'gone') return this.expelled(answer.problem)
    if (answer.kind === 'named') this.#roundWanted = true
    else {
      this.#heardAt = Math.max(this.#heardAt, sentAt)
      await this.#become(answer.joined)
    }
  }

  async #become(joined: Joined): Promise<void> {
    this.#memberId = joined.memberId
    this.#generation = joined.generation
    const assignments = joined.leads ? await this.#assign(joined) : []
    if (!joined.leads) this.#counts = undefined
    const sentAt = this.#parts.clock.monotonic()
    const answer = await syncGroup(this.#link, this.standing(), assignments)
    if (this.#ended) return
    if (answer.kind === 'gone') return this.expelled(answer.problem)
    if (answer.kind === 'again' || answer.assignment.length === 0) {
      this.#roundWanted = true
      return
    }
    this.#heardAt = Math.max(this.#heardAt, sentAt)
    this.#assigned = joined.generation
    const assignment = decodeAssignment(answer.assignment)
    if (assignment.stop !== undefined) return this.#stopped(assignment.stop)
    if (this.#ownership.receive(assignment)) this.#offered()
    if (this.#ownership.mustTell && this.#ownership.change === undefined) this.#roundWanted = true
  }

  /** A member asked all to stop: this one is told, and goes. */
  async #stopped(reason: string): Promise<void> {
    this.#lose(sluiceError('SLUICE_APPLICATION_STOPPED', { group: this.#link.group, reason }))
    await this.#sayLeave()
  }

  async #assign({
    members,
  }: Joined): Promise<readonly { readonly memberId: string; readonly assignment: Uint8Array }[]> {
    const joined = members.map(({ memberId, metadata }) => ({
      memberId,
      subscription: decodeSubscription(metadata),
    }))
    const counts = await this.#countPartitions()
    this.#counts = counts
    const { topology } = this.#options
    return [...assignGroup(joined, counts)].map(([memberId, assignment]) => {
      const partitions = partitionsOf(topology, assignment.active, counts)
      return { memberId, assignment: encodeAssignment(assignment, partitions) }
    })
  }

  async #countPartitions(): Promise<PartitionCounts> {
    const topics = this.#options.topology.subtopologies.flatMap(({ sourceTopics }) => sourceTopics)
    const found = await this.#parts.cluster.metadata([...new Set(topics)], { fresh: true })
    return new Map([...found.values()].map(({ name, partitions }) => [name, partitions.length]))
  }

  #subscription(): Uint8Array {
    const { processId, topology, ownedState, standbyReplicas, endpoint } = this.#options
    const { owned, standby, target } = this.#ownership
    return encodeSubscription({
      processId,
      ...(endpoint === undefined ? {} : { endpoint }),
      topology,
      owned,
      standby,
      target,
      state: ownedState ?? [],
      standbyReplicas: standbyReplicas ?? 0,
      generation: this.#assigned,
      ...(this.#stopReason === undefined ? {} : { stop: this.#stopReason }),
    })
  }

  #beatLater(): void {
    const { heartbeatIntervalMs, sessionTimeoutMs } = this.#times
    // A lost heartbeat or two must not cost the membership.
    const wait = Math.min(heartbeatIntervalMs, sessionTimeoutMs / 3)
    this.#beat = this.#parts.clock.setTimer(wait, () => void this.#heartbeat())
  }

  async #heartbeat(): Promise<void> {
    try {
      if (this.#assigned >= 0 && this.lost === undefined) await this.#beatOnce()
      if (this.#counts !== undefined && this.#rounds === undefined) await this.#watchTopics(this.#counts)
    } catch (error) {
      if (!this.#ended && !isSluiceError(error, 'SLUICE_BROKER_UNAVAILABLE'))
        this.#parts.log.warn({ group: this.#link.group }, `a heartbeat failed: ${problemOf(error)}`)
    }
    if (!this.#ended) this.#beatLater()
  }

  async #beatOnce(): Promise<void> {
    const sentAt = this.#parts.clock.monotonic()
    const generation = this.#generation
    const code = await heartbeat(this.#link, this.standing())
    if (this.#ended) return
    if (code === 0 || code === Code.REBALANCE_IN_PROGRESS) this.#heardAt = Math.max(this.#heardAt, sentAt)
    if (code === Code.REBALANCE_IN_PROGRESS) this.#round(true)
    // While it joins, the generation moves before it is told.
    const joining = this.#rounds !== undefined || generation !== this.#generation
    if (code === Code.ILLEGAL_GENERATION && joining) return
    if (errorKind(code) === 'fenced') this.expelled(errorName(code))
  }

  /** Only the leader looks: topics that came, went or grew are other tasks. */
  async #watchTopics(counts: PartitionCounts): Promise<void> {
    const now = await this.#countPartitions()
    const same = now.size === counts.size && [...now].every(([topic, count]) => counts.get(topic) === count)
    if (!same && counts === this.#counts) this.#round(true)
  }

  #offered(): void {
    const { change } = this.#ownership
    this.#overdue?.cancel()
    if (change !== undefined && change.revoked.length > 0) {
      const { rebalanceTimeoutMs } = this.#times
      this.#overdue = this.#parts.clock.setTimer(rebalanceTimeoutMs, () => {
        this.expelled(`a revocation was not acknowledged within ${rebalanceTimeoutMs} ms`)
        this.#sayLeave().catch((error: unknown) =>
          this.#parts.log.warn({ problem: problemOf(error) }, 'leaving failed'),
        )
      })
    }
    this.#tell()
  }

  #lose(error: SluiceError): void {
    this.#lost = error
    this.#ownership.drop()
    this.#members.remove(this.#memberId)
    this.#stop()
    this.#tell()
  }

  /** No more heartbeats or rounds. */
  #stop(): void {
    this.#leaving.abort()
    this.#beat?.cancel()
    this.#overdue?.cancel()
    if (!this.#left) return
    this.#news?.cancel()
    this.#members.remove(this.#memberId)
  }

  async #sayLeave(): Promise<void> {
    await leaveGroup(this.#link, this.#memberId).catch((error: unknown) => {
      if (!isSluiceError(error)) throw error
    })
  }

  #tell(): void {
    if (this.#left) return
    this.#news ??= this.#parts.clock.setTimer(0, () => {
      this.#news = undefined
      this.#listener?.()
    })
  }

  get #ended(): boolean {
    return this.#left || this.#lost !== undefined
  }

  /** @throws SLUICE_MEMBER_FENCED, SLUICE_CLOSED */
  #check(): void {
    if (this.#left)
      throw sluiceError('SLUICE_CLOSED', { what: `member ${this.#memberId} of ${this.#link.group}` })
    if (this.lost !== undefined) throw this.lost
  }

  #fenced(problem: string): SluiceError {
    return sluiceError('SLUICE_MEMBER_FENCED', { ...this.fence(), problem })
  }
}

function asLost(error: unknown): SluiceError {
  if (isSluiceError(error)) return error
  return sluiceError('SLUICE_INTERNAL', { place: 'group member', problem: problemOf(error) }, error)
}
