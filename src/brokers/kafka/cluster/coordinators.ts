/** Who coordinates which group or transactional id: asked once, remembered until that broker says otherwise. */
import { sluiceError } from '../../../core/errors.ts'
import type { Address } from '../network/address.ts'
import { findCoordinatorApi } from '../protocol/messages/find-coordinator.ts'
import type {
  FindCoordinatorRequestDraft,
  FindCoordinatorResponse,
} from '../protocol/messages/find-coordinator.ts'
import type { Cluster, CoordinatorKind, Purpose } from './cluster.ts'
import { errorName, failure, isRetriable } from './error-codes.ts'

/** From this version on one request names several keys, and the answer is a list. */
const BATCHED_FROM = 4

/** Our own questions do not stand behind those of the administration, which may take long. */
export const LOOKUP_PURPOSE: Purpose = 'metadata-lookup'

/** Questions that any broker answers from memory: one that takes longer is not well, and another is asked. */
export const LOOKUP_TIMEOUT_MS = 5000

const KEY_TYPES: Readonly<Record<CoordinatorKind, number>> = { group: 0, transaction: 1 }

export interface Coordinator extends Address {
  readonly brokerId: number
}

interface Known {
  readonly asking: Promise<Coordinator>
  found: Coordinator | undefined
}

interface Answer extends Coordinator {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Calls `attempt` until it gives something or time is up, then gives undefined. */
type Repeat = <T>(attempt: () => Promise<T | undefined>) => Promise<T | undefined>

export class Coordinators {
  readonly #any: Cluster['any']
  readonly #repeat: Repeat
  readonly #known = new Map<string, Known>()

  constructor(any: Cluster['any'], repeat: Repeat) {
    this.#any = any
    this.#repeat = repeat
  }

  /** @throws as `Cluster.coordinator` */
  find(kind: CoordinatorKind, key: string): Promise<Coordinator> {
    const name = `${kind} ${key}`
    const known = this.#known.get(name)
    if (known !== undefined) return known.asking
    const asked: Known = { asking: this.#ask(kind, key), found: undefined }
    this.#known.set(name, asked)
    asked.asking.then(
      (found) => {
        asked.found = found
      },
      () => {
        // Meanwhile it may have been forgotten, and asked for again.
        if (this.#known.get(name) === asked) this.#known.delete(name)
      },
    )
    return asked.asking
  }

  forget(kind: CoordinatorKind, key: string): void {
    this.#known.delete(`${kind} ${key}`)
  }

  /** A broker is lost: what it coordinated moves to others, unless it is soon back. */
  forgetAt({ host, port }: Address): void {
    for (const [name, { found }] of this.#known) {
      if (found?.host === host && found.port === port) this.#known.delete(name)
    }
  }

  async #ask(kind: CoordinatorKind, key: string): Promise<Coordinator> {
    const operation = `FindCoordinator of ${kind} "${key}"`
    let last = 0
    const found = await this.#repeat(async () => {
      const response = await this.#any(LOOKUP_PURPOSE, findCoordinatorApi, requestFor(kind, key), {
        timeoutMs: LOOKUP_TIMEOUT_MS,
      })
      const answer = answerOf(response)
      last = answer.errorCode
      if (isRetriable(last)) return undefined
      if (last !== 0) throw failure(last, operation, answer.errorMessage)
      return answer
    })
    if (found !== undefined) return found
    throw sluiceError('SLUICE_BROKER_UNAVAILABLE', { operation, problem: errorName(last), sent: false })
  }
}

function requestFor(kind: CoordinatorKind, key: string): (version: number) => FindCoordinatorRequestDraft {
  const keyType = KEY_TYPES[kind]
  return (version) => (version >= BATCHED_FROM ? { keyType, coordinatorKeys: [key] } : { keyType, key })
}

function answerOf(response: FindCoordinatorResponse): Answer {
  const { nodeId, host, port, errorCode, errorMessage } = response.coordinators[0] ?? response
  return { brokerId: nodeId, host, port, errorCode, errorMessage }
}
