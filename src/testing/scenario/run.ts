/**
 * Runs a scenario in a simulated world by one seed: straight, crashed and restored, rescaled 1 → 3 → 2, with any mix of faults;
 * waits until everything has come out, and compares. A failing seed replays exactly.
 *
 *   1. a broker, topics, tables and the first inputs   2. instances, more inputs and faults over virtual time
 *   3. faults end; the run must come to rest           4. outputs are read and compared
 */
import { isSluiceError } from '../../core/errors.ts'
import { failpointCounts, type FailpointCounts, type FailpointFaults } from '../simulation/failpoints.ts'
import type { SeededRandom } from '../simulation/random.ts'
import { createSimulatedService, type SimulatedService } from '../simulation/service.ts'
import { World, type WorldOptions } from '../simulation/world.ts'
import { SimulatedCluster } from './cluster.ts'
import { SimulatedInstance } from './instance.ts'
import { drawPlan, type RunPlan } from './plan.ts'
import { answerTo, type Ask, type Scenario, type ScenarioInput } from './scenario.ts'
import { type Difference, verifyOutput } from './verify.ts'

export interface RunResult {
  readonly seed: string
  readonly scenario: string
  readonly plan: RunPlan
  readonly differences: readonly Difference[]
  /** What went wrong beside the outputs: no rest within the time, an application that ended. */
  readonly problems: readonly string[]
  readonly traceHash: string
  readonly events: number
  readonly virtualMs: number
  readonly kills: number
  readonly calls: number
  readonly report: string
}

const NO_FAULTS: FailpointFaults = { kill: 0, pause: 0, delay: 0, error: 0 }
const SESSION_MS = 3_000
/** How long a run may take to come to rest after the faults, virtual ms. */
const REST_MS = 300_000

export interface RunOptions extends Pick<WorldOptions, 'onTrace' | 'keepLines'> {
  readonly counts?: FailpointCounts
  /** Overrides what the seed would draw. */
  readonly plan?: Partial<RunPlan>
}

/** Runs one scenario by one seed. Never throws for what the run finds; that is in the result. */
export async function runScenario(
  scenario: Scenario,
  seed: number | string,
  options: RunOptions = {},
): Promise<RunResult> {
  const world = new World({ seed: `${scenario.name} ${seed}`, ...options })
  const plan = { ...drawPlan(world.random.fork('plan')), ...options.plan }
  const run = new Run(world, scenario, plan, options.counts ?? failpointCounts())
  const problems: string[] = []
  try {
    await world.run(() => run.go())
  } catch (error) {
    problems.push(isSluiceError(error) ? `${error.code}: ${error.message}` : String(error))
  }
  const all = [...problems, ...run.problems]
  // After lies of the disk an error of the table is an honest end; a bug is none.
  const counted = plan.disk.lies > 0 ? all.filter((problem) => !HONEST.test(problem)) : all
  return { ...run.result(), seed: String(seed), problems: counted }
}

const HONEST = /^(?:SLUICE_(?!INTERNAL|SIMULATION)|no rest)|ended: SluiceError: (?!internal error)/

class Run {
  readonly problems: string[] = []
  readonly #world: World
  readonly #scenario: Scenario
  readonly #plan: RunPlan
  readonly #random: SeededRandom
  readonly #cluster: SimulatedCluster
  readonly #service: SimulatedService<string, string>
  readonly #instances: SimulatedInstance[]
  readonly #brokerFaults: { -readonly [K in keyof RunPlan['broker']]: number }
  #faults: FailpointFaults
  #inputs: readonly ScenarioInput[] = []
  #differences: readonly Difference[] = []
  #brokerDown: Promise<void> | undefined
  #producing: Promise<void> | undefined

  constructor(world: World, scenario: Scenario, plan: RunPlan, counts: FailpointCounts) {
    this.#world = world
    this.#scenario = scenario
    this.#plan = plan
    this.#random = world.random.fork('run')
    this.#cluster = new SimulatedCluster(world, plan.folder, plan.partitions)
    this.#service = createSimulatedService(world, { ...plan.service, answer: answerTo })
    this.#brokerFaults = { ...plan.broker }
    this.#cluster.machine.faults.slow = plan.disk.slow
    this.#cluster.machine.faults.dropFsync = plan.disk.lies
    this.#cluster.stores.faults.writeFailure = plan.storeFailure
    this.#faults = plan.failpoints
    this.#instances = Array.from({ length: Math.max(...plan.instances) }, (_, index) =>
      this.#instance(index, counts),
    )
  }

  async go(): Promise<void> {
    await this.#cluster.open()
    await this.#cluster.createTopics(this.#scenario)
    this.#inputs = this.#scenario.inputs(this.#random.fork('inputs'), this.#plan.records)
    const first = this.#inputs.filter(({ topic }) => this.#isPreloaded(topic))
    if (first.length > 0) await this.#produce(first)
    const faulty = [this.#load(), this.#rescale(), this.#disturb()]
    await Promise.all(faulty)
    this.#world.trace('faults end')
    this.#calm()
    await this.#rest()
    await this.#verify()
    for (const instance of this.#instances) await instance.close()
    await this.#cluster.close()
  }

  result(): Omit<RunResult, 'seed' | 'problems'> {
    return {
      scenario: this.#scenario.name,
      plan: this.#plan,
      differences: this.#differences,
      traceHash: this.#world.traceHash,
      events: this.#world.events,
      virtualMs: this.#world.time,
      kills: this.#instances.reduce((sum, { kills }) => sum + kills, 0),
      calls: this.#service.calls.length,
      report: this.#world.report(),
    }
  }

  #instance(index: number, counts: FailpointCounts): SimulatedInstance {
    const { guarantee, persistent } = this.#plan
    const ask: Ask = (request, signal) => this.#service.call(request, { signal })
    return new SimulatedInstance({
      name: `app-${index}`,
      world: this.#world,
      cluster: this.#cluster,
      scenario: this.#scenario,
      ask,
      persistent,
      counts,
      brokerFaults: this.#brokerFaults,
      faults: () => this.#faults,
      expected:
        this.#plan.storeFailure > 0
          ? ['SLUICE_BROKER_UNAVAILABLE', 'SLUICE_STORE_WRITE']
          : ['SLUICE_BROKER_UNAVAILABLE'],
      pauseMs: SESSION_MS,
      settings: {
        guarantee,
        freezeState: true,
        sessionTimeoutMs: SESSION_MS,
        heartbeatIntervalMs: 500,
        transactionTimeoutMs: this.#plan.transactionTimeoutMs,
        cacheEntries: this.#plan.cacheEntries,
        sliceMs: 0.1,
        sliceRecords: 7,
        purgeIntervalMs: 2_000,
        sendBytes: 2_000,
      },
    })
  }

  /** Tables and a part of the rest at once, then the others in bursts over the run. */
  async #load(): Promise<void> {
    const random = this.#random.fork('load')
    const inputs = this.#inputs.filter(({ topic }) => !this.#isPreloaded(topic))
    // Tables are complete before the first event: what a stream joins must not depend on which partition is synced first.
    const tables = inputs.findIndex(({ topic }) => topic === inputs.at(-1)?.topic)
    const first = Math.max(0, tables)
    if (first > 0) await this.#produce(inputs.slice(0, first))
    for (let at = first; at < inputs.length;) {
      const count = at === first ? Math.ceil(inputs.length * 0.4) : random.int(1, 20)
      const part = inputs.slice(at, at + count)
      at += part.length
      await this.#produce(part)
      await this.#world.sleep((random.next() * 2 * this.#plan.durationMs * part.length) / inputs.length)
    }
  }

  #isPreloaded(topic: string): boolean {
    return this.#scenario.preloaded?.includes(topic) === true
  }

  async #rescale(): Promise<void> {
    const steps = this.#plan.instances
    for (const wanted of steps) {
      await this.#brokerDown
      await this.#scaleTo(wanted)
      await this.#world.sleep(this.#plan.durationMs / steps.length)
    }
  }

  async #scaleTo(wanted: number): Promise<void> {
    this.#world.trace('scale', String(wanted))
    const closing: Promise<void>[] = []
    this.#instances.forEach((instance, index) => {
      if (index < wanted && !instance.running) instance.start()
      if (index >= wanted && instance.running) closing.push(this.#closeOrKill(instance))
    })
    await Promise.all(closing)
  }

  /** SIGTERM, and SIGKILL for one that does not end in time. */
  async #closeOrKill(instance: SimulatedInstance): Promise<void> {
    await Promise.race([instance.close(), this.#world.sleep(20_000)])
    instance.killForGood()
  }

  /** Kills, pauses and broker deaths at times drawn from the seed. */
  async #disturb(): Promise<void> {
    const { kills, pauses, brokerCrashes, powerCuts, durationMs } = this.#plan
    const random = this.#random.fork('disturb')
    const acts = [
      ...Array.from({ length: kills }, () => 'kill'),
      ...Array.from({ length: pauses }, () => 'pause'),
      ...Array.from({ length: brokerCrashes }, (_, index) =>
        index < powerCuts ? 'power cut' : 'broker crash',
      ),
    ].map((act) => ({ act, at: random.next() * durationMs }))
    for (const { act, at } of acts.toSorted((a, b) => a.at - b.at)) {
      if (at > this.#world.time) await this.#world.sleep(at - this.#world.time)
      await this.#act(act, random)
    }
  }

  async #act(act: string, random: SeededRandom): Promise<void> {
    this.#world.trace('disturb', act)
    const victim = random.pick(this.#instances)
    if (act === 'kill') victim.kill()
    else if (act === 'pause') victim.pause(pauseOf(random))
    else await this.#crashBroker(act === 'power cut', random)
  }

  /** Everything on the machine dies; the broker comes back first, then the instances that were running. */
  async #crashBroker(powerCut: boolean, random: SeededRandom): Promise<void> {
    while (this.#producing !== undefined) await this.#producing
    const running = this.#instances.filter((instance) => instance.running)
    for (const instance of running) instance.killForGood()
    this.#cluster.kill()
    if (powerCut) {
      this.#cluster.machine.powerCut(random)
      this.#cluster.stores.powerCut(random)
    }
    this.#brokerDown = this.#world.sleep(200).then(() => this.#cluster.open())
    await this.#brokerDown
    this.#brokerDown = undefined
    for (const instance of running) instance.start()
  }

  /** What the load has sent must be known to be in the log or not: the broker is not crashed meanwhile. */
  async #produce(inputs: readonly ScenarioInput[]): Promise<void> {
    // No turn between the look and the begin: a crash in it would leave this waiting for ever.
    while (this.#brokerDown !== undefined) await this.#brokerDown
    this.#producing = this.#cluster.produce(inputs)
    await this.#producing
    this.#producing = undefined
  }

  #calm(): void {
    this.#faults = NO_FAULTS
    for (const fault of Object.keys(this.#brokerFaults) as (keyof RunPlan['broker'])[])
      this.#brokerFaults[fault] = 0
    this.#cluster.machine.faults.slow = 0
    this.#cluster.machine.faults.dropFsync = 0
    this.#cluster.stores.faults.writeFailure = 0
    this.#service.faults.failure = 0
    this.#service.faults.hang = 0
  }

  /** Until nothing lags, no call is in flight and every ledger is empty. */
  async #rest(): Promise<void> {
    const until = this.#world.time + REST_MS
    const group = this.#scenario.app(() => Promise.resolve('')).plan()
    const sources = group.subtopologies.flatMap(({ sourceTopics }) => sourceTopics)
    // A task that nobody owns yet may have calls in its ledger.
    const tasks = group.subtopologies.length * this.#plan.partitions
    for (let quiet = 0; quiet < 3;) {
      if (this.#world.time > until) {
        this.problems.push(
          `no rest ${REST_MS} ms after the last fault; lag ${await this.#cluster.lag(group.application, sources)}`,
        )
        return
      }
      await this.#world.sleep(500)
      const lag = await this.#cluster.lag(group.application, sources)
      const settled = this.#instances.every((instance) => !instance.running || instance.settled)
      const pending = this.#instances.reduce((sum, instance) => sum + instance.pending, 0)
      const owned = this.#instances.reduce((sum, instance) => sum + instance.tasks, 0)
      quiet = lag === 0 && settled && pending === 0 && owned === tasks ? quiet + 1 : 0
    }
  }

  async #verify(): Promise<void> {
    for (const instance of this.#instances) {
      for (const failure of instance.failures)
        this.problems.push(`${instance.name} ended: ${String(failure)}`)
    }
    const { guarantee, partitions } = this.#plan
    const found: Difference[] = []
    for (const output of this.#scenario.outputs) {
      const records = await this.#cluster.read(output.topic)
      for (const record of records)
        this.#world.trace('out', `${output.topic} ${record.key} ${JSON.stringify(record.value)}`)
      found.push(...verifyOutput(output, records, this.#inputs, partitions, guarantee))
    }
    this.#differences = this.#plan.disk.lies > 0 ? [] : found
  }
}

/** Half of the pauses end within the session but after a short transaction timed out, the others may outlast the session. */
function pauseOf(random: SeededRandom): number {
  return SESSION_MS * (random.chance(0.5) ? random.between(0.7, 0.98) : random.between(0.5, 2.5))
}
