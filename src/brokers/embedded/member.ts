/**
 * The client's half of a membership: heartbeats and news by the clock of the client, so that an instance whose clock stands
 * still falls silent and is expelled, as a dead process would be. It decides nothing.
 */
import type {
  AssignmentChange,
  CommittedOffset,
  GroupFence,
  GroupMember,
  JoinOptions,
} from '../../core/broker.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { TopicPartition } from '../../core/record.ts'
import type { SluiceError } from '../../core/errors.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Group, Membership } from './group.ts'
import type { Offsets } from './offsets.ts'

const DEFAULT_HEARTBEAT_MS = 3000

export class EmbeddedMember implements GroupMember {
  readonly memberId: string
  readonly #group: Group
  readonly #membership: Membership
  readonly #offsets: Offsets
  readonly #clock: Clock
  readonly #heartbeatMs: number
  #heartbeat: Timer | undefined
  #news: Timer | undefined
  #listener: (() => void) | undefined
  #left = false

  constructor(group: Group, membership: Membership, offsets: Offsets, clock: Clock, options: JoinOptions) {
    this.memberId = membership.memberId
    this.#group = group
    this.#membership = membership
    this.#offsets = offsets
    this.#clock = clock
    this.#heartbeatMs =
      options.heartbeatIntervalMs ?? Math.min(DEFAULT_HEARTBEAT_MS, membership.sessionMs / 3)
  }

  /** Starts heartbeats and news. */
  start(): void {
    this.#membership.notify = () => this.#tell()
    if (this.change !== undefined) this.#tell()
    this.#beat()
  }

  fence(): GroupFence {
    return { group: this.#group.name, memberId: this.memberId, epoch: this.#membership.epoch }
  }

  get change(): AssignmentChange | undefined {
    return this.#left ? undefined : this.#membership.change
  }

  get lost(): SluiceError | undefined {
    return this.#left ? undefined : this.#membership.lost
  }

  onChange(listener: () => void): void {
    this.#listener = listener
    if (this.change !== undefined || this.lost !== undefined) this.#tell()
  }

  async acknowledge(change: AssignmentChange): Promise<void> {
    this.#checkMember()
    this.#group.acknowledge(this.#membership, change)
  }

  async committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    this.#checkMember()
    return this.#offsets.stable(this.#group.name, partitions, () => this.#checkMember())
  }

  async commit(offsets: readonly CommittedOffset[]): Promise<void> {
    this.#checkMember()
    this.#group.check(this.fence())
    await this.#offsets.commit(this.#group.name, offsets)
  }

  async stopAll(reason: string): Promise<void> {
    this.#checkMember()
    this.#group.stopAll(reason)
  }

  async leave(): Promise<void> {
    if (this.#left) return
    this.#left = true
    this.#heartbeat?.cancel()
    this.#news?.cancel()
    this.#group.leave(this.#membership)
    this.#offsets.wake()
  }

  #beat(): void {
    this.#heartbeat = this.#clock.setTimer(this.#heartbeatMs, () => {
      if (this.#left || this.#membership.lost !== undefined) return
      this.#group.heartbeat(this.#membership)
      this.#beat()
    })
  }

  #tell(): void {
    if (this.#left) return
    this.#news ??= this.#clock.setTimer(0, () => {
      this.#news = undefined
      this.#listener?.()
    })
    if (this.#membership.lost !== undefined) this.#offsets.wake()
  }

  /** @throws SLUICE_MEMBER_FENCED, SLUICE_CLOSED */
  #checkMember(): void {
    if (this.#left)
      throw sluiceError('SLUICE_CLOSED', { what: `member ${this.memberId} of ${this.#group.name}` })
    if (this.#membership.lost !== undefined) throw this.#membership.lost
  }
}
