/**
 * The life of one simulated process. While it is paused (SIGSTOP, a long collection) or dead (kill -9), no timer of it fires, no
 * answer reaches it and no call of it leaves; what a pause holds back happens afterwards, one event each, in order. Everything an
 * instance is given goes through here.
 */
import type { Clock, Scheduler, Timer } from '../../core/clock.ts'
import type { World } from './world.ts'

/** What one look at the monotonic clock costs, ms: time must pass within a turn, or slices would never end. */
const LOOK_MS = 0.002

export class Life {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly #world: World
  #state: 'alive' | 'paused' | 'dead' = 'alive'
  /** Number of the last pause: a longer one overtakes a shorter one. */
  #pauses = 0
  #pausedUntil = 0
  /** What must happen when the pause ends, in the order in which it would have. */
  #held: (() => void)[] = []
  #lastLook = 0

  /** @param skewMs how far this process's wall clock is from the world's */
  constructor(world: World, skewMs = 0) {
    this.#world = world
    this.clock = {
      now: () => world.clock.now() + skewMs,
      monotonic: () => (this.#lastLook = Math.max(this.#lastLook + LOOK_MS, world.clock.monotonic())),
      setTimer: (ms, run) => this.#timer(ms, run),
    }
    this.scheduler = { yield: () => this.gate(world.sleep(0)) }
  }

  get dead(): boolean {
    return this.#state === 'dead'
  }

  /** Paused, or with something held back by a pause still to happen. */
  get paused(): boolean {
    return this.#state === 'paused' || this.#held.length > 0
  }

  kill(): void {
    this.#state = 'dead'
    this.#held = []
  }

  /** Stops for `ms` of the world's time. */
  pause(ms: number): void {
    const until = this.#world.time + ms
    if (this.#state === 'dead' || (this.#state === 'paused' && until <= this.#pausedUntil)) return
    this.#state = 'paused'
    this.#pausedUntil = until
    const pause = ++this.#pauses
    this.#world.after(ms, 'resume', () => this.#resume(pause))
  }

  /** The promise as this process sees it: late after a pause, never after death. */
  gate<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.#deliver(() => resolve(value)),
        (error: unknown) =>
          this.#deliver(() => reject(error instanceof Error ? error : new Error(String(error)))),
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
      if (IMMEDIATE.has(name)) {
        const result: unknown = method.apply(object, this.#listeners(name, given))
        return result instanceof Promise ? this.gate(result) : this.#result(name, result)
      }
      if (this.dead) return NEVER
      const call = (): Promise<unknown> =>
        Promise.resolve(method.apply(object, given)).then((value) => this.#result(name, value))
      if (this.#state === 'alive') return this.gate(call())
      return new Promise((resolve, reject) => {
        this.#deliver(() => {
          this.gate(call()).then(resolve, reject)
        })
      })
    }
  }

  #listeners(name: string, given: readonly unknown[]): unknown[] {
    if (name !== 'onChange') return [...given]
    return given.map((listener) => () => this.#deliver(listener as () => void))
  }

  #result(name: string, value: unknown): unknown {
    return GUARDED_RESULTS.has(name) ? this.guard(value as object) : value
  }

  #timer(ms: number, run: () => void): Timer {
    let cancelled = false
    const once = (): void => {
      if (!cancelled) run()
    }
    const timer = this.#world.after(ms, 'timer', () => this.#deliver(once))
    return {
      cancel: () => {
        cancelled = true
        timer.cancel()
      },
    }
  }

  #deliver(run: () => void): void {
    if (this.#state === 'alive' && this.#held.length === 0) run()
    else if (this.#state !== 'dead') this.#held.push(run)
  }

  #resume(pause: number): void {
    if (this.#state !== 'paused' || pause !== this.#pauses) return
    this.#state = 'alive'
    this.#next()
  }

  /** One event for each thing held back, as the process would have had a turn for each; later ones queue behind. */
  #next(): void {
    if (this.#held.length === 0) return
    this.#world.after(0, 'held back', () => {
      if (this.#state !== 'alive') return
      this.#held.shift()?.()
      this.#next()
    })
  }
}

type Method = (...given: unknown[]) => unknown

const NEVER: Promise<never> = new Promise(() => {})

/** Calls that the process answers itself, at once: nothing leaves it. */
const IMMEDIATE: ReadonlySet<string> = new Set([
  'add',
  'append',
  'bootId',
  'buffer',
  'fence',
  'fetcher',
  'lag',
  'onChange',
  'pause',
  'producer',
  'remove',
  'resume',
  'size',
  'take',
  'target',
  'wake',
])

const GUARDED_RESULTS: ReadonlySet<string> = new Set(['fetcher', 'producer', 'join', 'open', 'lock'])
