/**
 * A topology on the bench top: runs a plan record by record on real stores, one partition each, without broker or commits.
 * Repartition topics are read back at once; `flush` stands for the commit. It follows the plan's decode and reuse marks.
 */
import { SILENT } from '../../../src/core/log.ts'
import { createMetrics } from '../../../src/core/metrics.ts'
import type {
  Next,
  OutputSpec,
  OutputWriter,
  Processor,
  ProcessorContext,
} from '../../../src/core/processor.ts'
import { FlowRecord, NO_HEADERS } from '../../../src/core/record.ts'
import type { Bytes } from '../../../src/core/record.ts'
import type { Serde } from '../../../src/core/serde.ts'
import { encodedBytes } from '../../../src/core/serde.ts'
import type { TaskStorage } from '../../../src/core/store.ts'
import { createKeyValueStore, createTimestampedStore } from '../../../src/engine/state/key-value.ts'
import type { StateOptions } from '../../../src/engine/state/options.ts'
import { createSessionStore } from '../../../src/engine/state/session-store.ts'
import type { StateSpec, StoreKind } from '../../../src/engine/state/spec.ts'
import { createTimestampedWindowStore } from '../../../src/engine/state/window-store.ts'
import type { Plan, PlanNode, Subtopology } from '../../../src/engine/topology/plan.ts'
import { memoryBackend } from '../../../src/stores/memory.ts'

export interface Written {
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly timestamp: number
}

export interface BenchTop {
  feed(topic: string, key: Bytes | string | null, value: Bytes | string | null, timestamp?: number): void
  flush(): void
  /** What was written to a topic so far, as text; `null` stays null. */
  texts(topic: string): readonly (readonly [string | null, string | null, number])[]
  readonly written: ReadonlyMap<string, readonly Written[]>
  readonly dropped: readonly string[]
  readonly decoded: { count: number }
  store<S>(name: string): S
}

interface Running {
  readonly entries: ReadonlyMap<string, { readonly node: PlanNode; readonly next: Next }>
  readonly processors: readonly Processor[]
}

export interface BenchTopOptions {
  /** Decode also what nobody reads. */
  readonly decodeAll?: boolean
}

export async function openBenchTop(plan: Plan, options: BenchTopOptions = {}): Promise<BenchTop> {
  const { decodeAll = false } = options
  const names = plan.subtopologies.flatMap(({ stores }) => stores.map((store) => store.name))
  const storage = await memoryBackend().open('', names)
  const written = new Map<string, Written[]>()
  const dropped: string[] = []
  const decoded = { count: 0 }
  const stores = openStores(plan, storage)
  let offset = 0

  const take = (topic: string, { key, value, timestamp }: Written): void => {
    for (const { entries } of running) {
      const entry = entries.get(topic)
      if (entry === undefined) continue
      const { source, decode } = entry.node
      const side = (serde: Serde<unknown>, bytes: Bytes | null, wanted: boolean): unknown => {
        if (bytes === null || !(wanted || decodeAll)) return bytes
        decoded.count++
        return serde.deserialize(bytes)
      }
      const typedKey = side(source!.key, key, decode!.key)
      const typedValue = side(source!.value, value, decode!.value)
      entry.next(new FlowRecord(typedKey, typedValue, timestamp, NO_HEADERS, topic, 0, offset++, key, value))
    }
  }
  // What is written to a topic that is read here waits its turn, as it would on a broker.
  const waiting: (readonly [string, Written])[] = []
  const feed: BenchTop['feed'] = (topic, key, value, timestamp = 0) => {
    const bytes = (text: Bytes | string | null): Bytes | null => (text === null ? null : encodedBytes(text))
    take(topic, { key: bytes(key), value: bytes(value), timestamp })
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) take(...next)
  }
  const flush = (): void => {
    for (const { processors } of running) {
      for (const processor of processors) while (processor.flush?.(() => true) === false);
    }
  }
  const write = (topic: string, record: Written): void => {
    const log = written.get(topic) ?? []
    written.set(topic, log)
    log.push(record)
    if (running.some(({ entries }) => entries.has(topic))) waiting.push([topic, record])
  }
  const tools: Tools = { plan, stores, dropped, write }
  const running = plan.subtopologies.map((subtopology) => build(subtopology, tools))
  return {
    feed,
    flush,
    texts: (topic) =>
      (written.get(topic) ?? []).map(
        ({ key, value, timestamp }) => [textOf(key), textOf(value), timestamp] as const,
      ),
    written,
    dropped,
    decoded,
    store: <S>(name: string) => stores.get(name) as S,
  }
}

interface Tools {
  readonly plan: Plan
  readonly stores: ReadonlyMap<string, unknown>
  readonly dropped: string[]
  readonly write: (topic: string, record: Written) => void
}

type OpenStore = (spec: StateSpec, storage: TaskStorage, options: StateOptions) => unknown

const STORES: Readonly<Partial<Record<StoreKind, OpenStore>>> = {
  'key-value': createKeyValueStore,
  timestamped: createTimestampedStore,
  'timestamped-window': createTimestampedWindowStore,
  session: createSessionStore,
}

function openStores(plan: Plan, storage: TaskStorage): ReadonlyMap<string, unknown> {
  const specs = plan.subtopologies.flatMap((subtopology) => subtopology.stores)
  return new Map(
    specs.map((spec) => {
      return [spec.name, STORES[spec.kind]!(spec, storage, { freeze: true })]
    }),
  )
}

function build(subtopology: Subtopology, tools: Tools): Running {
  const runs = new Map<string, Next>()
  const processors: Processor[] = []
  for (const node of subtopology.nodes.toReversed()) {
    if (node.build === undefined) continue
    const processor = node.build(contextOf(node, subtopology, runs, tools))
    runs.set(node.name, (record) => processor.process(record))
    processors.unshift(processor)
  }
  const sources = subtopology.nodes.filter((node) => node.source !== undefined)
  const entries = sources.flatMap((node) =>
    node.source!.topics.map((topic) => [topic, { node, next: all(node.children, runs) }] as const),
  )
  return { entries: new Map(entries), processors }
}

function all(children: readonly string[], runs: ReadonlyMap<string, Next>): Next {
  const nexts = children.map((child) => runs.get(child)!)
  return (record) => {
    for (const next of nexts) next(record)
  }
}

function contextOf(
  node: PlanNode,
  { id }: Subtopology,
  runs: ReadonlyMap<string, Next>,
  tools: Tools,
): ProcessorContext {
  const next = all(node.children, runs)
  return {
    application: tools.plan.application,
    task: { subtopology: id, partition: 0 },
    node: node.name,
    log: SILENT,
    metrics: createMetrics(),
    next,
    nextNamed: (child) => runs.get(child)!,
    store: <S>(name: string) => tools.stores.get(name) as S,
    output: (spec) => writerOf(spec, node, tools),
    async: () => {
      throw new Error('the bench top has no asynchronous operators')
    },
    schedule: () => ({ cancel: () => {} }),
    streamTime: () => 0,
    wallClock: () => 0,
    kept: () => ({ value: -1 }),
    lookIntervals: { unmatched: 0, windowClose: 0 },
    commit: () => {},
    drop: (_, reason) => tools.dropped.push(reason),
  }
}

function writerOf(spec: OutputSpec, node: PlanNode, tools: Tools): OutputWriter {
  const bytes = (
    content: unknown,
    memo: Bytes | null | undefined,
    serde: Serde<unknown>,
    reuse: boolean,
  ): Bytes | null => {
    if (content === null || content === undefined) return null
    return reuse && memo !== undefined ? memo : encodedBytes(serde.serialize(content))
  }
  return {
    write: ({ key, value, keyBytes, valueBytes, timestamp }) =>
      tools.write(spec.topic, {
        key: bytes(key, keyBytes, spec.key, node.reuse!.key),
        value: bytes(value, valueBytes, spec.value, node.reuse!.value),
        timestamp,
      }),
  }
}

function textOf(bytes: Bytes | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8')
}
