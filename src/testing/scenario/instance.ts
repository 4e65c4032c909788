/**
 * One simulated process of an application: started, killed, paused, restarted or closed by the scenario. Its folder and local
 * stores outlive it; everything else is gone with its life.
 */
import type { StoreBackend } from '../../core/store.ts'
import { isSluiceError, type ErrorCode } from '../../core/errors.ts'
import { createMetrics } from '../../core/metrics.ts'
import { SILENT } from '../../core/log.ts'
import { startApp, type RunningApp } from '../../engine/runtime/app.ts'
import type { EngineSettings } from '../../engine/runtime/options.ts'
import { memoryBackend } from '../../stores/memory.ts'
import { hostileBroker, type HostileFaults } from '../hostile-broker.ts'
import { simulatedFailpoints, type FailpointCounts, type FailpointFaults } from '../simulation/failpoints.ts'
import { Life } from '../simulation/life.ts'
import type { SeededRandom } from '../simulation/random.ts'
import type { World } from '../simulation/world.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { Ask, Scenario } from './scenario.ts'

export interface InstanceOptions {
  readonly name: string
  readonly world: World
  readonly cluster: SimulatedCluster
  readonly scenario: Scenario
  readonly settings: Partial<EngineSettings>
  /** The external service, as the world sees it. */
  readonly ask: Ask
  readonly persistent: boolean
  readonly counts: FailpointCounts
  readonly brokerFaults: HostileFaults
  readonly faults: () => FailpointFaults
  readonly pauseMs: number
  /** Errors that may end an instance in this run: a restart cures them. */
  readonly expected: readonly ErrorCode[]
}

export type InstanceState = 'down' | 'starting' | 'up' | 'closed'

/** How long a supervisor waits before it starts a process that died anew, ms. */
const RESTART_MS = 300

export class SimulatedInstance {
  readonly name: string
  state: InstanceState = 'down'
  /** Errors that ended the application: none is expected unless the scenario breaks disks. */
  readonly failures: unknown[] = []
  kills = 0
  readonly #options: InstanceOptions
  readonly #random: SeededRandom
  #life: Life
  #app: RunningApp | undefined
  #incarnation = 0
  /** Up is where the scenario wants it: a supervisor restarts it. */
  #wanted = false

  constructor(options: InstanceOptions) {
    this.#options = options
    this.name = options.name
    this.#random = options.world.random.fork(`instance ${options.name}`)
    this.#life = new Life(options.world)
  }

  get settled(): boolean {
    return this.state === 'up' && !this.#life.paused && this.#app!.settled
  }

  /** Tasks it is processing. */
  get tasks(): number {
    return this.#app?.tasks.length ?? 0
  }

  /** Records of it that wait for an answer. */
  get pending(): number {
    return this.#app?.pending ?? 0
  }

  get running(): boolean {
    return this.#wanted
  }

  start(): void {
    this.#wanted = true
    this.#begin()
  }

  /** kill -9, and what a supervisor does after it. */
  kill(): void {
    if (this.state === 'down' || this.state === 'closed') return
    this.kills++
    this.#die()
    this.#restartLater()
  }

  /** The machine is gone with it; the scenario starts it again when the broker is back. */
  killForGood(): void {
    this.#wanted = false
    this.#die()
  }

  pause(ms: number): void {
    this.#life.pause(ms)
  }

  /** SIGTERM: commits, hands over, leaves. */
  async close(): Promise<void> {
    this.#wanted = false
    const app = this.#app
    if (this.state !== 'up' || app === undefined) {
      this.#die()
      return
    }
    this.state = 'closed'
    this.#options.world.trace('close', this.name)
    await app.close()
    this.#die()
  }

  #die(): void {
    this.state = 'down'
    this.#life.kill()
    this.#options.cluster.machine.kill(this.#process())
    this.#options.cluster.stores.kill(this.#process())
    this.#app = undefined
  }

  #restartLater(): void {
    const incarnation = this.#incarnation
    this.#options.world.after(RESTART_MS, `restart ${this.name}`, () => {
      if (this.#wanted && this.state === 'down' && incarnation === this.#incarnation) this.#begin()
    })
  }

  #begin(): void {
    this.state = 'starting'
    this.#incarnation++
    const { world } = this.#options
    this.#life = new Life(world)
    const incarnation = this.#incarnation
    const current = (): boolean => this.#incarnation === incarnation && this.state !== 'down'
    world.trace('start', `${this.name} #${incarnation}`)
    this.#life.gate(this.#startApp()).then(
      (app) => {
        if (!current()) return
        this.#app = app
        this.state = 'up'
        this.#life.gate(app.ended).catch((error: unknown) => {
          if (current()) this.#failed(error)
        })
      },
      (error: unknown) => {
        if (current()) this.#failed(error)
      },
    )
  }

  /** The application ended by itself: only what a restart may cure is no failure of the run. */
  #failed(error: unknown): void {
    this.#options.world.trace('failed', `${this.name}: ${isSluiceError(error) ? error.code : String(error)}`)
    if (!isSluiceError(error, ...this.#options.expected)) this.failures.push(error)
    this.#die()
    this.#restartLater()
  }

  #process(): string {
    return `${this.name}-${this.#incarnation}`
  }

  #startApp(): Promise<RunningApp> {
    const { cluster, scenario, settings, world, ask } = this.#options
    const life = this.#life
    const { clock, scheduler } = life
    const random = this.#random.fork(`life ${this.#incarnation}`)
    const connection = cluster.connect(life, this.#process())
    const broker = life.guard(
      hostileBroker(connection, { clock, random, faults: this.#options.brokerFaults }),
    )
    const app = scenario.app((request, signal) => life.gate(ask(request, signal)))
    return startApp(app.plan(), {
      settings: { ...settings, ...scenario.settings },
      stateFolder: `/${this.name}`,
      ports: {
        broker,
        clock,
        scheduler,
        random,
        disk: life.guard(cluster.machine.process(this.#process())),
        stores: this.#backend(),
        http: { request: () => Promise.reject(new Error('no HTTP here')), close: () => Promise.resolve() },
        log: SILENT,
        metrics: createMetrics(),
        failpoints: simulatedFailpoints({
          world,
          life,
          random: random.fork('failpoints'),
          counts: this.#options.counts,
          faults: this.#options.faults,
          instance: this.name,
          pauseMs: this.#options.pauseMs,
          kill: () => this.kill(),
        }),
      },
    })
  }

  #backend(): StoreBackend {
    const { persistent, cluster } = this.#options
    return persistent ? cluster.stores.backend(this.#process()) : memoryBackend()
  }
}
