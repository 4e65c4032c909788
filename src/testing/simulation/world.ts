/**
 * The virtual event loop of a simulation: time that jumps from event to event, one seed, one order, one trace. Everything
 * inside must wait on it alone; a promise of the real world (a file, a socket, a lazy import) would break the replay.
 *
 * A turn: 1. let all microtasks run dry, 2. stop if the main promise settled, 3. take the next event, 4. advance time to
 * it, 5. trace it, 6. fire it.
 */
import type { Clock, Scheduler, Timer } from '../../core/clock.ts'
import { isSluiceError, sluiceError, type SluiceError } from '../../core/errors.ts'
import { systemScheduler } from '../../platform/scheduler.ts'
import { EventQueue, type ScheduledEvent } from './event-queue.ts'
import { seededRandom, type SeededRandom } from './random.ts'
import { Trace, traceText, type TraceLine } from './trace.ts'

export interface WorldOptions {
  readonly seed: number | string
  /** Wall clock at the beginning, ms since 1970. Default 2026-01-01. */
  readonly startsAt?: number
  /** More events than this in a run are taken for a runaway loop. Default 2,000,000. */
  readonly maxEvents?: number
  /** Virtual ms after which a run is taken for stuck. Default 24 hours. */
  readonly maxTime?: number
  /** Lines of the trace kept for the report. Default 60. */
  readonly keepLines?: number
  /** Sees every line of the trace, to replay a failing seed with the whole story. */
  readonly onTrace?: (line: TraceLine) => void
}

export class World {
  readonly seed: string
  readonly random: SeededRandom
  /** Time and timers outside any instance: the network, the scenario itself. Never skewed, never dies. */
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly startsAt: number
  readonly #maxEvents: number
  readonly #maxTime: number
  readonly #ties: SeededRandom
  readonly #queue = new EventQueue()
  readonly #trace: Trace
  #time = 0
  #scheduled = 0
  #fired = 0
  #running = false

  constructor(options: WorldOptions) {
    this.seed = String(options.seed)
    this.random = seededRandom(options.seed)
    this.#ties = this.random.fork('ties')
    this.startsAt = options.startsAt ?? 1_767_225_600_000
    this.#maxEvents = options.maxEvents ?? 2_000_000
    this.#maxTime = options.maxTime ?? 86_400_000
    this.#trace = new Trace(options.keepLines ?? 60, options.onTrace)
    this.clock = {
      now: () => this.startsAt + Math.floor(this.#time),
      monotonic: () => this.#time,
      setTimer: (ms, run) => this.after(ms, 'timer', run),
    }
    this.scheduler = { yield: () => this.sleep(0) }
  }

  /** Virtual ms since the beginning, whole microseconds. */
  get time(): number {
    return this.#time
  }

  /** Events fired so far. */
  get events(): number {
    return this.#fired
  }

  /** 16 hex digits over everything that happened; equal for two runs of one seed. */
  get traceHash(): string {
    return this.#trace.hash
  }

  /** Fires `run` after `ms` of virtual time (0 = a later turn of the same instant), in an order drawn from the seed. */
  after(ms: number, name: string, run: () => void): Timer {
    const event: ScheduledEvent = {
      // A positive wait takes time, however short: rounded to nothing, who waits for a moment would wait for ever.
      time: Math.round((this.#time + (ms > 0 ? Math.max(ms, 0.001) : 0)) * 1000) / 1000,
      tie: this.#ties.next(),
      sequence: this.#scheduled++,
      name,
      run,
    }
    this.#queue.push(event)
    return { cancel: () => this.#queue.cancel(event) }
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, 'sleep', resolve)
    })
  }

  /** Adds a line to the trace: everything a scenario decides or observes belongs there. */
  trace(event: string, detail: string = ''): void {
    this.#trace.add(this.#time, event, detail)
  }

  /**
   * Lets the world go on until the promise of `main` settles, and gives its value. What is still scheduled then stays
   * for the next `run`.
   * @throws what `main` rejects with, what an event throws, or SLUICE_SIMULATION: a deadlock (nothing scheduled, `main`
   * unsettled) or a runaway (too many events, too much time)
   */
  async run<T>(main: () => Promise<T>): Promise<T> {
    if (this.#running) throw this.#failure('was run while it was running')
    this.#running = true
    try {
      return await this.#turns(main)
    } finally {
      this.#running = false
    }
  }

  /** Seed, time, hash and the last lines: what one needs to read about a failure. */
  report(): string {
    const { last, count } = { last: this.#trace.last(), count: this.#trace.count }
    return [
      `seed ${this.seed}, ${this.#time} ms of virtual time, ${this.#fired} events fired, ${this.#queue.size} scheduled,`,
      `trace ${this.traceHash} over ${count} lines; the last ${last.length}:`,
      ...last.map(traceText),
    ].join('\n')
  }

  async #turns<T>(main: () => Promise<T>): Promise<T> {
    const outcome: { take?: () => T } = {}
    main().then(
      (value) => (outcome.take = () => value),
      (error: unknown) =>
        (outcome.take = () => {
          throw error
        }),
    )
    const limit = this.#fired + this.#maxEvents
    for (;;) {
      await systemScheduler.yield() // 1. runs only after every microtask, theirs and those they caused
      if (outcome.take !== undefined) return outcome.take() // 2.
      this.#fire(this.#next(limit)) // 3. to 6.
    }
  }

  #next(limit: number): ScheduledEvent {
    const event = this.#queue.pop()
    if (event === undefined) {
      throw this.#failure('is deadlocked: nothing is scheduled and the main promise is not settled')
    }
    if (this.#fired >= limit) throw this.#failure(`ran away: ${this.#maxEvents} events and no end`)
    if (event.time > this.#maxTime) throw this.#failure(`is stuck: ${this.#maxTime} ms passed and no end`)
    return event
  }

  #fire(event: ScheduledEvent): void {
    const run = event.run!
    event.run = undefined
    this.#time = event.time
    this.#fired++
    this.#trace.add(event.time, event.name, '')
    try {
      run()
    } catch (error) {
      if (isSluiceError(error, 'SLUICE_SIMULATION')) throw error
      throw this.#failure(`was stopped by an exception that nobody caught in ${event.name}`, error)
    }
  }

  #failure(problem: string, cause?: unknown): SluiceError {
    return sluiceError('SLUICE_SIMULATION', { seed: this.seed, problem, report: this.report() }, cause)
  }
}
