/** All groups of the cluster: finds the group of a call, and lets groups look again when topics come and go. */
import type { GroupFence, JoinOptions, MemberDescription } from '../../core/broker.ts'
import type { Clock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Membership } from './group.ts'
import { Group } from './group.ts'
import type { Topics } from './topics.ts'

export class Groups {
  readonly #clock: Clock
  readonly #random: Random
  readonly #topics: Topics
  readonly #groups = new Map<string, Group>()

  constructor(clock: Clock, random: Random, topics: Topics) {
    this.#clock = clock
    this.#random = random
    this.#topics = topics
    topics.onChange(() => {
      for (const group of this.#groups.values()) group.rebalance()
    })
  }

  /** Names of groups with members. */
  names(): readonly string[] {
    return [...this.#groups.values()].filter(({ empty }) => !empty).map(({ name }) => name)
  }

  /** Members of a group, none for one that does not exist. */
  describe(group: string): readonly MemberDescription[] {
    return this.#groups.get(group)?.describe() ?? []
  }

  /** @throws SLUICE_TOPOLOGY, SLUICE_CONFIG_INVALID */
  join(options: JoinOptions): { readonly group: Group; readonly member: Membership } {
    const { sessionTimeoutMs: session, heartbeatIntervalMs: heartbeat } = options
    if (session !== undefined && heartbeat !== undefined && heartbeat >= session) {
      throw sluiceError('SLUICE_CONFIG_INVALID', {
        place: `group ${options.group}: heartbeatIntervalMs`,
        expected: `less than sessionTimeoutMs (${session})`,
        came: String(heartbeat),
      })
    }
    let group = this.#groups.get(options.group)
    if (group === undefined) {
      group = new Group(options.group, this.#clock, (topic) => this.#topics.partitionCount(topic))
      this.#groups.set(options.group, group)
    }
    return { group, member: group.join(this.#random.uuid(), options) }
  }

  /** @throws SLUICE_MEMBER_FENCED */
  check(fence: GroupFence): void {
    const group = this.#groups.get(fence.group)
    if (group !== undefined) return group.check(fence)
    throw sluiceError('SLUICE_MEMBER_FENCED', { ...fence, problem: 'the group has no members' })
  }

  close(): void {
    for (const group of this.#groups.values()) group.close()
  }
}
