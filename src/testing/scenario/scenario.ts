/**
 * A scenario: data in, data out, and what must come out, computed naively from the input alone. It knows nothing of how it is
 * run; straight, crashed, rescaled and simulated runs must all agree with it.
 */
import type { TopicSpec } from '../../core/broker.ts'
import type { Headers } from '../../core/record.ts'
import type { EngineSettings } from '../../engine/runtime/options.ts'
import type { App } from '../../languages/dsl/app.ts'
import type { SeededRandom } from '../simulation/random.ts'

/** The external service of a scenario: its answer is a pure function of the request. */
export type Ask = (request: string, signal: AbortSignal) => Promise<string>

/** What the service answers, for the expectation. */
export function answerTo(request: string): string {
  return `<${request}>`
}

export interface ScenarioInput {
  readonly topic: string
  readonly key: string
  /** Written as JSON. */
  readonly value: unknown
  readonly timestamp: number
}

export interface ObservedRecord {
  readonly key: string | null
  /** Parsed JSON. */
  readonly value: unknown
  readonly timestamp: number
  readonly headers: Headers
  readonly partition: number
}

/** One thing that must come out, and the sequence in which it must. */
export interface Observation {
  /** Records of one lane have an order of their own; usually the key. */
  readonly lane: string
  readonly item: string
}

export type Lanes = ReadonlyMap<string, readonly string[]>

export interface ScenarioOutput {
  readonly topic: string
  /**
   * `sequence`: every item of a lane, in order. `set`: every item once, any order. `last`: the last item of each lane (for
   * coalesced emission, where how often is left open).
   */
  readonly compare: 'sequence' | 'set' | 'last'
  /** False where a replay changes results by nature (a count under at-least-once): compared under exactly-once only. */
  readonly survivesReplay: boolean
  expected(inputs: readonly ScenarioInput[], partitions: number): Lanes
  observe(record: ObservedRecord): Observation
}

export interface Scenario {
  readonly name: string
  /** Settings it needs beside those of the run: a cache that holds little, a session shorter than a transaction. */
  readonly settings?: Partial<EngineSettings>
  /** Topics of the application; partition counts are the run's. */
  readonly topics: readonly Omit<TopicSpec, 'partitions'>[]
  /** Topics whose inputs are all in the log before the first instance starts (those of global tables). */
  readonly preloaded?: readonly string[]
  app(ask: Ask): App
  /** About `count` records, tables first. */
  inputs(random: SeededRandom, count: number): readonly ScenarioInput[]
  readonly outputs: readonly ScenarioOutput[]
}

/** Adds an item to a lane under construction. */
export function addItem(lanes: Map<string, string[]>, lane: string, item: string): void {
  const items = lanes.get(lane)
  if (items === undefined) lanes.set(lane, [item])
  else items.push(item)
}
