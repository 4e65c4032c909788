/**
 * One group: its members, the assignment aimed at, and the way there. A task is offered to a member only when nobody owns
 * it any more, so two live members never own one task; every acknowledged change gives the member a new epoch.
 *
 * A member's part:  settled ──target differs──▶ change offered ──acknowledge──▶ settled (next epoch)
 *                   any ──silent for the session / leave──▶ gone (its tasks are free at once)
 */
import type {
  AssignmentChange,
  GroupFence,
  GroupTopology,
  JoinOptions,
  MemberDescription,
} from '../../core/broker.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import type { TaskId } from '../../core/record.ts'
import { taskName } from '../../core/record.ts'
import type { SluiceError } from '../../core/errors.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Assignment } from '../assignment/assignor.ts'
import { assignTasks } from '../assignment/assignor.ts'
import { topologyDifference } from '../assignment/topology-difference.ts'

const DEFAULT_SESSION_MS = 45_000

/** A member as the coordinator knows it. The client's half is `member.ts`. */
export interface Membership {
  readonly memberId: string
  readonly options: JoinOptions
  readonly sessionMs: number
  epoch: number
  /** Tasks it owns, by name: acknowledged, or offered and therefore kept for it. */
  owned: ReadonlyMap<string, TaskId>
  standby: readonly TaskId[]
  change: AssignmentChange | undefined
  lost: SluiceError | undefined
  lastHeard: number
  timer: Timer | undefined
  /** Told when `change` or `lost` appears. */
  notify: () => void
}

export class Group {
  readonly name: string
  readonly #clock: Clock
  readonly #partitionsOf: (topic: string) => number | undefined
  readonly #members = new Map<string, Membership>()
  #topology: GroupTopology = { subtopologies: [] }
  #target: ReadonlyMap<string, Assignment> = new Map()

  /** @param partitionsOf number of partitions of a topic, undefined while it does not exist */
  constructor(name: string, clock: Clock, partitionsOf: (topic: string) => number | undefined) {
    this.name = name
    this.#clock = clock
    this.#partitionsOf = partitionsOf
  }

  get empty(): boolean {
    return this.#members.size === 0
  }

  /** Members with the tasks they own (what is offered to one counts as its own) and follow. */
  describe(): readonly MemberDescription[] {
    return [...this.#members.values()].map(({ memberId, options, owned, standby }) => ({
      memberId,
      processId: options.processId,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      active: [...owned.values()],
      standby,
    }))
  }

  /** @throws SLUICE_TOPOLOGY when living members work on another topology */
  join(memberId: string, options: JoinOptions): Membership {
    if (this.empty) this.#topology = options.topology
    const difference = topologyDifference(this.#topology, options.topology)
    if (difference !== undefined) {
      throw sluiceError('SLUICE_TOPOLOGY', {
        node: `group ${this.name}`,
        problem: `its ${this.#members.size} member(s) run another topology: ${difference}`,
        remedy:
          'Stop all instances before a changed application starts, or give the new one another application id.',
      })
    }
    const member = newMembership(memberId, options, this.#clock)
    this.#members.set(memberId, member)
    this.#watch(member, member.sessionMs)
    this.rebalance()
    return member
  }

  heartbeat(member: Membership): void {
    member.lastHeard = this.#clock.monotonic()
  }

  /** @throws SLUICE_MEMBER_FENCED */
  check({ memberId, epoch }: GroupFence): void {
    const member = this.#members.get(memberId)
    if (member === undefined) throw this.#fenced(memberId, epoch, 'it is not in the group any more')
    if (member.epoch === epoch) return
    throw this.#fenced(memberId, epoch, `its assignment changed, the epoch is ${member.epoch} now`)
  }

  /** @throws SLUICE_MEMBER_FENCED, SLUICE_INTERNAL when it is not the offered change */
  acknowledge(member: Membership, change: AssignmentChange): void {
    if (member.lost !== undefined) throw member.lost
    if (member.change !== change) {
      const problem = 'a change was acknowledged that is not the offered one'
      throw sluiceError('SLUICE_INTERNAL', {
        place: `member ${member.memberId} of group ${this.name}`,
        problem,
      })
    }
    member.change = undefined
    member.owned = byName(change.active)
    member.standby = change.standby
    member.epoch++
    this.heartbeat(member)
    this.#offerAll()
  }

  leave(member: Membership): void {
    this.#remove(member, 'it left')
  }

  /** Aims at a new assignment: after members or topics changed. */
  rebalance(): void {
    const members = [...this.#members.values()]
    const replicas = Math.max(0, ...members.map(({ options }) => options.standbyReplicas ?? 0))
    this.#target = assignTasks(
      members.map((member) => ({
        memberId: member.memberId,
        processId: member.options.processId,
        active: this.#target.get(member.memberId)?.active ?? [...member.owned.values()],
        state: [...member.owned.values(), ...member.standby, ...(member.options.ownedState ?? [])],
      })),
      this.#tasks(),
      replicas,
    )
    this.#offerAll()
  }

  /** Ends all memberships: the cluster is closing. */
  close(): void {
    this.#endAll(() => sluiceError('SLUICE_CLOSED', { what: 'the embedded broker' }))
  }

  /** Ends all memberships: a member wants the application to stop. */
  stopAll(reason: string): void {
    this.#endAll(() => sluiceError('SLUICE_APPLICATION_STOPPED', { group: this.name, reason }))
  }

  #endAll(lost: () => SluiceError): void {
    const members = [...this.#members.values()]
    this.#members.clear()
    for (const member of members) {
      member.timer?.cancel()
      member.change = undefined
      member.owned = new Map()
      member.lost = lost()
      member.notify()
    }
  }

  /** A sub-topology has tasks once all its source topics exist: else its co-partitioned inputs would not line up. */
  #tasks(): readonly TaskId[] {
    return this.#topology.subtopologies.flatMap(({ id, sourceTopics }) => {
      const counts = sourceTopics.map((topic) => this.#partitionsOf(topic) ?? 0)
      const count = counts.includes(0) ? 0 : Math.max(0, ...counts)
      return Array.from({ length: count }, (_, partition) => ({ subtopology: id, partition }))
    })
  }

  #offerAll(): void {
    const owners = new Set<string>()
    for (const { owned } of this.#members.values()) for (const name of owned.keys()) owners.add(name)
    for (const member of this.#members.values()) if (member.change === undefined) this.#offer(member, owners)
  }

  /** Offers what can be done now: give up what is not aimed at, take what nobody owns. */
  #offer(member: Membership, owners: Set<string>): void {
    const target = this.#target.get(member.memberId) ?? { active: [], standby: [] }
    const aim = byName(target.active)
    const revoked = [...member.owned].filter(([name]) => !aim.has(name)).map(([, task]) => task)
    const kept = [...member.owned].filter(([name]) => aim.has(name)).map(([, task]) => task)
    const assigned = target.active.filter((task) => !owners.has(taskName(task)))
    // A stand-by that is to become active stays warm until the former owner gave the task up.
    const waiting = member.standby.filter((task) => aim.has(taskName(task)) && owners.has(taskName(task)))
    const standby = [...target.standby, ...waiting.filter((task) => !member.owned.has(taskName(task)))]
    if (revoked.length === 0 && assigned.length === 0 && sameTasks(standby, member.standby)) return
    member.change = Object.freeze({ active: [...kept, ...assigned], standby, revoked, assigned })
    // Kept for it from now on; what it must give up stays its own until it acknowledged.
    member.owned = byName([...member.owned.values(), ...assigned])
    for (const task of assigned) owners.add(taskName(task))
    member.notify()
  }

  #watch(member: Membership, ms: number): void {
    member.timer = this.#clock.setTimer(ms, () => {
      const silent = this.#clock.monotonic() - member.lastHeard
      if (silent < member.sessionMs) this.#watch(member, member.sessionMs - silent)
      else this.#remove(member, `nothing was heard of it for ${member.sessionMs} ms`)
    })
  }

  #remove(member: Membership, problem: string): void {
    if (!this.#members.delete(member.memberId)) return
    member.timer?.cancel()
    member.change = undefined
    member.owned = new Map()
    member.lost = this.#fenced(member.memberId, member.epoch, problem)
    this.rebalance()
    member.notify()
  }

  #fenced(memberId: string, epoch: number, problem: string): SluiceError {
    return sluiceError('SLUICE_MEMBER_FENCED', { memberId, group: this.name, epoch, problem })
  }
}

function newMembership(memberId: string, options: JoinOptions, clock: Clock): Membership {
  return {
    memberId,
    options,
    sessionMs: options.sessionTimeoutMs ?? DEFAULT_SESSION_MS,
    epoch: 1,
    owned: new Map(),
    standby: [],
    change: undefined,
    lost: undefined,
    lastHeard: clock.monotonic(),
    timer: undefined,
    notify: () => undefined,
  }
}

function byName(tasks: readonly TaskId[]): ReadonlyMap<string, TaskId> {
  return new Map(tasks.map((task) => [taskName(task), task]))
}

function sameTasks(a: readonly TaskId[], b: readonly TaskId[]): boolean {
  const names = new Set(b.map(taskName))
  return a.length === b.length && a.every((task) => names.has(taskName(task)))
}
