/**
 * The members of one connection, for commits that must be proved: Kafka's generation moves on with every rebalance, the
 * port's fence only with a member's own changes. So the fence is checked here, and the generation of now is sent.
 */
import type { GroupFence } from '../../../core/broker.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { sluiceError } from '../../../core/errors.ts'
import { Code } from '../codes.ts'
import { errorKind, errorName } from '../cluster/error-codes.ts'
import type { Standing } from './offsets.ts'

/** What a commit needs of a member. */
export interface ProvedMember {
  readonly lost: SluiceError | undefined
  fence(): GroupFence
  /** Of now; of the generation that the group is in as far as this member was told. */
  standing(): Standing
  /** Resolves when the member knows the generation it is in: at once, unless it is joining. @param rejoin the group rebalances, join again */
  joined(rejoin: boolean): Promise<void>
  /** The broker does not know this member any more. */
  expelled(problem: string): void
}

export class Members {
  readonly #members = new Map<string, ProvedMember>()

  add(memberId: string, member: ProvedMember): void {
    this.#members.set(memberId, member)
  }

  remove(memberId: string): void {
    this.#members.delete(memberId)
  }

  /** @throws SLUICE_MEMBER_FENCED */
  check(fence: GroupFence): ProvedMember {
    const member = this.#members.get(fence.memberId)
    if (member === undefined) throw fenced(fence, 'it is not in the group any more')
    if (member.lost !== undefined) throw member.lost
    const { epoch, group } = member.fence()
    if (group !== fence.group || epoch !== fence.epoch)
      throw fenced(fence, `its assignment changed, the epoch is ${epoch} now`)
    return member
  }

  /**
   * Runs a commit with the member's standing; again while a rebalance moves the generation under it, which takes none of
   * its tasks away as long as the fence holds.
   * @returns the code that `ask` gave; a fenced one has made the member lost
   */
  async proved(fence: GroupFence, ask: (standing: Standing) => Promise<number>): Promise<number> {
    for (;;) {
      const member = this.check(fence)
      const standing = member.standing()
      const code = await ask(standing)
      const rebalancing = code === Code.REBALANCE_IN_PROGRESS
      if (rebalancing || code === Code.ILLEGAL_GENERATION) await member.joined(rebalancing)
      if (rebalancing || member.standing().generation !== standing.generation) continue
      if (groupFences(code)) member.expelled(errorName(code))
      return code
    }
  }
}

/** Fenced as a member; a fenced producer is another matter. */
function groupFences(code: number): boolean {
  const producers: readonly number[] = [
    Code.INVALID_PRODUCER_EPOCH,
    Code.PRODUCER_FENCED,
    Code.INVALID_PRODUCER_ID_MAPPING,
  ]
  return errorKind(code) === 'fenced' && !producers.includes(code)
}

export function fenced(fence: GroupFence, problem: string): SluiceError {
  return sluiceError('SLUICE_MEMBER_FENCED', { ...fence, problem })
}
