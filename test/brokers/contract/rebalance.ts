/** Groups under random interleavings: whatever comes and goes, no task has two owners, and all have one in the end. */
import { describe, expect, it } from 'vitest'
import type { AssignmentChange, GroupMember } from '../../../src/core/broker.ts'
import { taskName } from '../../../src/core/record.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'
import type { ClientUnderTest, ClusterUnderTest, MakeCluster } from './harness.ts'
import { joinOptions, opened } from './harness.ts'

/** A worker as the engine is one: it owns what it acknowledged, and looks at `lost` before anything else. */
interface Worker {
  readonly client: ClientUnderTest
  readonly member: GroupMember
  owned: ReadonlySet<string>
  /** Time of the cluster when it was stopped. */
  stoppedAt: number | undefined
}

/** A stopped worker cannot have been expelled yet: its session of 10 s, less a heartbeat and what real time passed. */
const SURELY_MEMBER_MS = 8000

class Scenario {
  readonly workers: Worker[] = []
  readonly problems: string[] = []
  readonly #cluster: ClusterUnderTest
  readonly #random: () => number
  #joined = 0

  constructor(cluster: ClusterUnderTest, random: () => number) {
    this.#cluster = cluster
    this.#random = random
  }

  async step(): Promise<void> {
    const dice = this.#random()
    if (dice < 0.2 && this.workers.length < 5) await this.#join()
    else if (dice < 0.28) await this.#leave()
    else if (dice < 0.34) this.#stop()
    else if (dice < 0.42) await this.#elapse()
    else await this.#acknowledge(this.#pick())
    this.checkOwners()
  }

  /** Every living worker acknowledges until nothing changes any more. */
  async quiesce(tasks: number): Promise<void> {
    if (this.#living().length === 0) await this.#join()
    for (let i = 0; i < 6; i++) await this.#elapse()
    const settled = async (): Promise<boolean> => {
      for (const worker of this.#living()) await this.#acknowledge(worker)
      this.checkOwners()
      return this.#living().reduce((sum, { owned }) => sum + owned.size, 0) === tasks
    }
    for (const ends = performance.now() + 5000; !(await settled());) {
      if (performance.now() > ends) throw new Error('some tasks have no owner')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  /** Of those who are not expelled. A stopped one owns its tasks until it is, and does not know when. */
  checkOwners(): void {
    const owners = new Map<string, string>()
    for (const { member, owned, stoppedAt } of this.workers) {
      const now = this.#cluster.now()
      if (member.lost !== undefined || now - (stoppedAt ?? now) > SURELY_MEMBER_MS) continue
      for (const task of owned) {
        if (owners.has(task))
          this.problems.push(`${task} is owned by ${owners.get(task)} and ${member.memberId}`)
        owners.set(task, member.memberId)
      }
    }
  }

  async #elapse(): Promise<void> {
    await this.#cluster.elapse(4000)
  }

  #living(): Worker[] {
    return this.workers.filter(
      ({ stoppedAt, member }) => stoppedAt === undefined && member.lost === undefined,
    )
  }

  #pick(): Worker | undefined {
    const living = this.#living()
    return living[Math.floor(this.#random() * living.length)]
  }

  async #join(): Promise<void> {
    const client = await this.#cluster.connect()
    const member = await client.broker.join(joinOptions(`p${this.#joined++ % 3}`, { standbyReplicas: 1 }))
    this.workers.push({ client, member, owned: new Set(), stoppedAt: undefined })
  }

  async #leave(): Promise<void> {
    const worker = this.#pick()
    if (worker === undefined) return
    worker.owned = new Set()
    this.workers.splice(this.workers.indexOf(worker), 1)
    await worker.member.leave()
  }

  #stop(): void {
    const worker = this.#pick()
    if (worker === undefined) return
    worker.client.stop()
    worker.stoppedAt = this.#cluster.now()
  }

  async #acknowledge(worker: Worker | undefined): Promise<void> {
    const change: AssignmentChange | undefined = worker?.member.change
    if (worker === undefined || change === undefined) return
    const revoked = change.revoked.map(taskName)
    if (!revoked.every((name) => worker.owned.has(name)))
      this.problems.push(`revoked, but not owned: ${revoked.join()}`)
    const kept = [...worker.owned].filter((name) => !revoked.includes(name))
    worker.owned = new Set(kept)
    await worker.member.acknowledge(change)
    worker.owned = new Set(change.active.map(taskName))
    const expected = new Set([...kept, ...change.assigned.map(taskName)])
    const equal = expected.size === worker.owned.size && expected.isSubsetOf(worker.owned)
    if (!equal) this.problems.push(`has ${[...worker.owned].join()}, the change gave ${[...expected].join()}`)
  }
}

export function rebalanceContract(make: MakeCluster): void {
  describe('rebalance', () => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      it(`gives no task two owners while members join, leave, die and dawdle (seed ${seed})`, async () => {
        const cluster = await opened(make)
        await (await cluster.connect()).broker.admin.createTopic({ name: 'in', partitions: 6 })
        const random = seededRandom(seed)
        const scenario = new Scenario(cluster, () => random.next())
        for (let i = 0; i < 60; i++) await scenario.step()
        await scenario.quiesce(6)
        expect(scenario.problems).toEqual([])
      })
    }
  })
}
