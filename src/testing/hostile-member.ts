/** A membership whose news come late: a member may go on for a while with tasks it should give up. */
import type { AssignmentChange, CommittedOffset, GroupFence, GroupMember } from '../core/broker.ts'
import type { SluiceError } from '../core/errors.ts'
import type { TopicPartition } from '../core/record.ts'
import type { Hostility } from './hostility.ts'

/** Wraps one membership. */
export function hostileMember(inner: GroupMember, hostility: Hostility): GroupMember {
  return new HostileMember(inner, hostility)
}

class HostileMember implements GroupMember {
  readonly memberId: string
  readonly #inner: GroupMember
  readonly #hostility: Hostility
  #change: AssignmentChange | undefined
  #lost: SluiceError | undefined
  #listener: (() => void) | undefined
  /** The last news on their way; the next ones come after them. */
  #news: Promise<void> = Promise.resolve()

  constructor(inner: GroupMember, hostility: Hostility) {
    this.memberId = inner.memberId
    this.#inner = inner
    this.#hostility = hostility
    inner.onChange(() => this.#tell())
    this.#tell()
  }

  fence(): GroupFence {
    return this.#inner.fence()
  }

  get change(): AssignmentChange | undefined {
    return this.#change
  }

  get lost(): SluiceError | undefined {
    return this.#hostility.lateLoss ? this.#lost : (this.#lost ?? this.#inner.lost)
  }

  onChange(listener: () => void): void {
    this.#listener = listener
    if (this.#change !== undefined || this.#lost !== undefined) this.#news = this.#news.then(listener)
  }

  async acknowledge(change: AssignmentChange): Promise<void> {
    await this.#noticing(this.#hostility.call('acknowledge', () => this.#inner.acknowledge(change)))
    if (this.#change === change) this.#change = undefined
    this.#tell()
  }

  committed(partitions: readonly TopicPartition[]): Promise<readonly CommittedOffset[]> {
    return this.#noticing(this.#hostility.read('committed', () => this.#inner.committed(partitions)))
  }

  commit(offsets: readonly CommittedOffset[]): Promise<void> {
    return this.#noticing(this.#hostility.call('commitOffsets', () => this.#inner.commit(offsets)))
  }

  stopAll(reason: string): Promise<void> {
    const stopAll = async (): Promise<void> => this.#inner.stopAll?.(reason)
    return this.#noticing(this.#hostility.call('stopAll', stopAll))
  }

  async leave(): Promise<void> {
    this.#change = undefined
    await this.#hostility.call('leave', () => this.#inner.leave())
  }

  /** A refused call is news, too. */
  async #noticing<T>(call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      this.#tell()
      throw error
    }
  }

  #tell(): void {
    this.#news = this.#news
      .then(() => this.#hostility.late('news'))
      .then(() => {
        const { change, lost } = this.#inner
        if (change === this.#change && lost === this.#lost) return
        this.#change = change
        this.#lost = lost
        this.#listener?.()
      })
  }
}
