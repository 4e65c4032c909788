/**
 * An external service of the simulated world: slow by chance, failing and hanging at times, and always of one mind: equal
 * requests get equal answers, so that a scenario knows what must have come out.
 */
import { CallError } from '../../enrich/index.ts'
import type { SeededRandom } from './random.ts'
import type { World } from './world.ts'

/** Speed and faults; fields may be changed at any time. */
export interface ServiceFaults {
  /** Half of the calls take less, ms. Default 50. */
  medianMs: number
  /** One call in a hundred takes longer, ms. Default 200. */
  p99Ms: number
  /** Probability that a call fails, after its time, with a retriable CallError. Default 0.02. */
  failure: number
  /** Probability that a call never gets an answer. Default 0.002. */
  hang: number
}

export interface SimulatedServiceOptions<Request, Answer> extends Partial<ServiceFaults> {
  /** Tells the services of one world apart: seeds its chance. Default 'service'. */
  readonly name?: string
  /** A pure function of the request. */
  readonly answer: (request: Request) => Answer
}

export interface ServiceCall<Request> {
  readonly id: string | undefined
  readonly request: Request
  /** Virtual ms. */
  readonly start: number
  /** Virtual ms; undefined while the call is in flight. */
  end: number | undefined
  /** `aborted`: the caller gave up; the service may have done its work or not. */
  outcome: 'in flight' | 'answered' | 'failed' | 'aborted'
}

export interface CallOptions {
  readonly signal?: AbortSignal
  /** The idempotency key: equal ids are attempts at the same thing. */
  readonly id?: string
}

/** A service of the world. */
export function createSimulatedService<Request, Answer>(
  world: World,
  options: SimulatedServiceOptions<Request, Answer>,
): SimulatedService<Request, Answer> {
  return new SimulatedService(world, options)
}

export class SimulatedService<Request, Answer> {
  readonly faults: ServiceFaults
  readonly #world: World
  readonly #random: SeededRandom
  readonly #name: string
  readonly #answer: (request: Request) => Answer
  readonly #calls: ServiceCall<Request>[] = []
  readonly #attempts = new Map<string, number>()
  #inFlight = 0
  #maxInFlight = 0

  constructor(world: World, options: SimulatedServiceOptions<Request, Answer>) {
    const { medianMs = 50, p99Ms = 200, failure = 0.02, hang = 0.002 } = options
    this.faults = { medianMs, p99Ms, failure, hang }
    this.#world = world
    this.#name = options.name ?? 'service'
    this.#random = world.random.fork(this.#name)
    this.#answer = options.answer
  }

  /** All calls so far, by start. */
  get calls(): readonly ServiceCall<Request>[] {
    return this.#calls
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get maxInFlight(): number {
    return this.#maxInFlight
  }

  /** Ids that came more than once, with how often. */
  repeatedIds(): ReadonlyMap<string, number> {
    return new Map([...this.#attempts].filter(([, count]) => count > 1))
  }

  /** @throws CallError (retriable), or the reason of `signal` */
  call(request: Request, { signal, id }: CallOptions = {}): Promise<Answer> {
    const latency = this.#latency()
    const drawn = this.#random.next()
    const { failure, hang } = this.faults
    if (signal?.aborted === true) return Promise.reject(reasonOf(signal))
    const call = this.#begin(request, id)
    return new Promise((resolve, reject) => {
      const settle = (outcome: ServiceCall<Request>['outcome'], tell: () => void): void => {
        signal?.removeEventListener('abort', onAbort)
        this.#end(call, outcome)
        tell()
      }
      const respond = (): void => {
        if (drawn < hang + failure) settle('failed', () => reject(this.#failed()))
        else settle('answered', () => resolve(this.#answer(request)))
      }
      const timer = drawn < hang ? undefined : this.#world.after(latency, this.#name, respond)
      const onAbort = (): void => {
        timer?.cancel()
        settle('aborted', () => reject(reasonOf(signal!)))
      }
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  #begin(request: Request, id: string | undefined): ServiceCall<Request> {
    const start = this.#world.time
    const call: ServiceCall<Request> = { id, request, start, end: undefined, outcome: 'in flight' }
    this.#calls.push(call)
    if (id !== undefined) this.#attempts.set(id, (this.#attempts.get(id) ?? 0) + 1)
    this.#maxInFlight = Math.max(this.#maxInFlight, ++this.#inFlight)
    return call
  }

  #end(call: ServiceCall<Request>, outcome: ServiceCall<Request>['outcome']): void {
    call.end = this.#world.time
    call.outcome = outcome
    this.#inFlight--
  }

  #failed(): CallError {
    return new CallError(`${this.#name}: injected failure`, { retriable: true })
  }

  /** Lognormal: its logarithm is normal about the median; 2.326 standard deviations above it lies the 99th percentile. */
  #latency(): number {
    const { medianMs, p99Ms } = this.faults
    const sigma = Math.log(Math.max(1, p99Ms / medianMs)) / 2.326
    const radius = Math.sqrt(-2 * Math.log(1 - this.#random.next()))
    return medianMs * Math.exp(sigma * radius * Math.cos(2 * Math.PI * this.#random.next()))
  }
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
