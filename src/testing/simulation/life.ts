/**
 * The life of one simulated process. While it is paused (SIGSTOP, a long collection) or dead (kill -9), no timer of it fires and
 * no answer reaches it; a dead one also sends nothing any more. Everything an instance is given goes through here.
 */
import type { Clock, Scheduler } from '../../core/clock.ts'
import type { World } from './world.ts'

export class Life {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly #world: World
  #state: 'alive' | 'paused' | 'dead' = 'alive'
  /** What must happen when the pause ends, in the order in which it would have. */
  #held: (() => void)[] = []

  /** @param skewMs how far this process's wall clock is from the world's */
  constructor(world: World, skewMs = 0) {
    this.#world = world
    this.clock = {
      now: () => world.clock.now() + skewMs,
      monotonic: () => world.clock.monotonic(),
      setTimer: (ms, run) => world.after(ms, 'timer', () => this.#whenAlive(run)),
    }
    this.scheduler = { yield: () => this.gate(world.sleep(0)) }
  }

  get dead(): boolean {
    return this.#state === 'dead'
  }

  kill(): void {
    this.#state = 'dead'
    this.#held = []
  }

  /** Stops for `ms` of the world's time. */
  pause(ms: number): void {
    if (this.#state !== 'alive') return
    this.#state = 'paused'
    this.#world.after(ms, 'resume', () => {
      if (this.#state !== 'paused') return
      this.#state = 'alive'
      const held = this.#held
      this.#held = []
      for (const run of held) run()
    })
  }

  /** The promise as this process sees it: late after a pause, never after death. */
  gate<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#whenAlive(() => resolve(value)),
        (error: unknown) =>
          this.#whenAlive(() => {
            reject(error instanceof Error ? error : new Error(String(error)))
          }),
      )
    })
  }

  /**
   * An object of ports as this process sees it: its calls go nowhere once it is dead, its promises are gated, and objects
   * they give (a fetcher, a producer, a member) are guarded too.
   */
  guard<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value: unknown = Reflect.get(object, name, object)
        if (typeof value === 'function') return this.#guarded(object, String(name), value as Method)
        return name === 'admin' ? this.guard(value as object) : value
      },
    })
  }

  #guarded(object: object, name: string, method: Method): Method {
    return (...given) => {
      if (this.dead && !READING.has(name)) return NEVER
      const result: unknown = method.apply(
        object,
        name === 'onChange' ? given.map((one) => this.#listener(one)) : given,
      )
      if (result instanceof Promise)
        return this.gate(result.then((value: unknown) => this.#result(name, value)))
      return this.#result(name, result)
    }
  }

  #result(name: string, value: unknown): unknown {
    return GUARDED_RESULTS.has(name) ? this.guard(value as object) : value
  }

  #listener(listener: unknown): () => void {
    return () => this.#whenAlive(listener as () => void)
  }

  #whenAlive(run: () => void): void {
    if (this.#state === 'alive') run()
    else if (this.#state === 'paused') this.#held.push(run)
  }
}

type Method = (...given: unknown[]) => unknown

const NEVER: Promise<never> = new Promise(() => {})

/** Calls that answer at once from what the process itself holds. */
const READING: ReadonlySet<string> = new Set([
  'target',
  'buffer',
  'lag',
  'take',
  'fence',
  'append',
  'bootId',
  'wake',
])

const GUARDED_RESULTS: ReadonlySet<string> = new Set(['fetcher', 'producer', 'join', 'open', 'lock'])
