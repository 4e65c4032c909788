/**
 * Builds the processors of one task from the plan: children before parents, each node once, each `next` a direct call.
 * After this nothing is looked up by name.
 */
import type { AsyncHost } from '../../core/async-operator.ts'
import { problemOf, sluiceError } from '../../core/errors.ts'
import type { Next, Processor, ProcessorContext } from '../../core/processor.ts'
import type { Bytes } from '../../core/record.ts'
import type { KeyValueStore } from '../state/key-value.ts'
import type { PlanNode, Subtopology } from '../topology/plan.ts'
import type { DeadLetters } from './dead-letter.ts'
import { atNode } from './failure.ts'
import { InFlight, type InFlightParts } from './in-flight.ts'
import type { EngineSettings } from './options.ts'
import type { Output, Reuse } from './output.ts'
import type { TaskTimers } from './timers.ts'

/** What a graph needs of its task. */
export interface GraphParts {
  readonly application: string
  readonly subtopology: Subtopology
  readonly partition: number
  readonly settings: EngineSettings
  readonly host: Omit<AsyncHost, 'settle' | 'node'>
  readonly stores: ReadonlyMap<string, unknown>
  readonly output: Output
  readonly timers: TaskTimers
  readonly deadLetters: DeadLetters
  readonly wake: () => void
  readonly requestCommit: () => void
  /** Highest event time the task has taken. */
  readonly taskTime: () => number
}

export interface Graph {
  /** Entry below each source node, in the order of the sub-topology's sources. */
  readonly sources: readonly SourceEntry[]
  readonly inFlight: readonly InFlight[]
  /** Emits what coalescing holds, in topological order; resumable. */
  flush(shouldYield: () => boolean): boolean
  close(): void
}

export interface SourceEntry {
  readonly node: PlanNode
  readonly next: Next
}

interface Built {
  readonly node: PlanNode
  readonly processor: Processor
  readonly run: Next
}

export function buildGraph(parts: GraphParts): Graph {
  const nodes = parts.subtopology.nodes
  const runs = new Map<string, Next>()
  const built: Built[] = []
  const inFlight = new Map<string, InFlight>()
  const times = regionTimes(nodes, inFlight, parts.taskTime)
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index]!
    if (node.build === undefined) continue
    const context = nodeContext(parts, node, runs, inFlight, times)
    const processor = node.build(context)
    const run = guarded(node.name, processor)
    runs.set(node.name, run)
    built.push({ node, processor, run })
  }
  built.reverse()
  return {
    sources: nodes
      .filter((node) => node.source !== undefined)
      .map((node) => ({ node, next: join(node.children.map((child) => runs.get(child)!)) })),
    inFlight: nodes.flatMap((node) => inFlight.get(node.name) ?? []),
    flush: flusher(built),
    close: () => {
      for (const flight of inFlight.values()) flight.close()
      for (const { node, processor } of built) closeQuietly(node.name, processor, parts.host.log)
    },
  }
}

/** What a user's `close` throws must cost neither the storage of its task nor the hand-over of the others. */
function closeQuietly(node: string, processor: Processor, log: GraphParts['host']['log']): void {
  try {
    processor.close?.()
  } catch (error) {
    log.warn({ node, problem: problemOf(error) }, `close of ${node} threw; it is closed all the same`)
  }
}

/** A call that names the node when something throws below. */
function guarded(node: string, processor: Processor): Next {
  return (record) => {
    try {
      processor.process(record)
    } catch (error) {
      throw atNode(error, node, record)
    }
  }
}

function join(children: readonly Next[]): Next {
  if (children.length === 1) return children[0]!
  if (children.length === 0) return () => {}
  return (record) => {
    for (const child of children) child(record)
  }
}

function flusher(built: readonly Built[]): (shouldYield: () => boolean) => boolean {
  const flushing = built.filter(({ processor }) => processor.flush !== undefined)
  let at = 0
  return (shouldYield) => {
    for (; at < flushing.length; at++) {
      const { node, processor } = flushing[at]!
      try {
        if (!processor.flush!(shouldYield)) return false
      } catch (error) {
        throw atNode(error, node.name, undefined)
      }
    }
    at = 0
    return true
  }
}

/**
 * Stream time as a node sees it: the task's, but behind asynchronous operators not beyond the lowest record still pending
 * there, or windows would close before its result arrives. Never goes back.
 */
function regionTimes(
  nodes: readonly PlanNode[],
  inFlight: ReadonlyMap<string, InFlight>,
  taskTime: () => number,
): ReadonlyMap<string, () => number> {
  const above = new Map<string, ReadonlySet<string>>()
  for (const node of nodes) {
    const ancestors = new Set<string>()
    for (const parent of node.parents) {
      for (const name of above.get(parent) ?? []) ancestors.add(name)
      if (nodes.find((other) => other.name === parent)?.asynchronous === true) ancestors.add(parent)
    }
    above.set(node.name, ancestors)
  }
  return new Map(
    nodes.map((node) => {
      const ancestors = [...above.get(node.name)!]
      return [node.name, ancestors.length === 0 ? taskTime : heldBack(ancestors, inFlight, taskTime)]
    }),
  )
}

function heldBack(
  ancestors: readonly string[],
  inFlight: ReadonlyMap<string, InFlight>,
  taskTime: () => number,
): () => number {
  let reached = -1
  return () => {
    let time = taskTime()
    for (const name of ancestors) {
      const pending = inFlight.get(name)?.lowestPendingTime()
      if (pending !== undefined && pending < time) time = pending
    }
    if (time > reached) reached = time
    return reached
  }
}

function nodeContext(
  parts: GraphParts,
  node: PlanNode,
  runs: ReadonlyMap<string, Next>,
  inFlight: Map<string, InFlight>,
  times: ReadonlyMap<string, () => number>,
): ProcessorContext {
  const { host, output, partition } = parts
  const next = join(node.children.map((child) => runs.get(child)!))
  const drop = dropper(host, node.name)
  const streamTime = times.get(node.name)!
  const wallClock = (): number => host.clock.now()
  return {
    application: parts.application,
    task: { subtopology: parts.subtopology.id, partition },
    node: node.name,
    log: host.log,
    metrics: host.metrics,
    next,
    nextNamed: (child) => named(node, child, runs),
    store: <S>(name: string): S => connected(parts, node, name) as S,
    output: (spec) => {
      const labels = { task: host.task, node: node.name, topic: spec.topic }
      const produced = host.metrics.counter('records-produced-total', labels)
      return output.writer(spec, node.name, node.reuse ?? NO_REUSE, partition, produced)
    },
    async: (factory, codec) => bindAsync(parts, node, { factory, codec, next, drop }, inFlight),
    schedule: (intervalMs, kind, run) =>
      parts.timers.add(node.name, kind, intervalMs, kind === 'stream-time' ? streamTime : wallClock, run),
    streamTime,
    wallClock,
    kept: (name) => parts.timers.kept(node.name, name),
    lookIntervals: {
      unmatched: parts.settings.unmatchedIntervalMs,
      windowClose: parts.settings.windowCloseIntervalMs,
    },
    commit: parts.requestCommit,
    drop,
  }
}

const NO_REUSE: Reuse = { key: false, value: false }

/** Counts and logs what a node drops by rule. */
function dropper({ log, metrics, task }: GraphParts['host'], node: string): ProcessorContext['drop'] {
  const dropped = metrics.counter('dropped-records-total', { task, node })
  return ({ topic, partition, offset }, reason) => {
    dropped.value++
    log.debug({ node, topic, partition, offset, reason }, 'record dropped by rule')
  }
}

function bindAsync(
  parts: GraphParts,
  node: PlanNode,
  binding: Pick<InFlightParts, 'factory' | 'codec' | 'next' | 'drop'>,
  inFlight: Map<string, InFlight>,
): Next {
  const { host, settings, deadLetters, wake } = parts
  const flight = new InFlight({
    ...binding,
    node: node.name,
    ledger: connected(parts, node, `${node.name}-ledger`) as KeyValueStore<Bytes, Bytes>,
    host,
    deadLetters,
    holdTimeMs: settings.holdTimeMs,
    reuseKey: node.reuse?.key === true,
    wake,
  })
  inFlight.set(node.name, flight)
  return (record) => flight.admit(record)
}

function named(node: PlanNode, child: string, runs: ReadonlyMap<string, Next>): Next {
  const run = runs.get(child)
  if (run !== undefined && node.children.includes(child)) return run
  const problem = `no child "${child}"; it has: ${node.children.join(', ') || 'none'}`
  throw sluiceError('SLUICE_INTERNAL', { place: node.name, problem })
}

function connected(parts: GraphParts, node: PlanNode, name: string): unknown {
  const store = parts.stores.get(name)
  if (store !== undefined) return store
  throw sluiceError('SLUICE_STORE_UNKNOWN', {
    node: node.name,
    store: name,
    stores: [...parts.stores.keys()].join(', ') || 'none',
  })
}
