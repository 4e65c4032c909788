/** Puts a task together from its state, queues and plan; nothing here waits or talks to a broker. */
import type { Fetcher } from '../../core/broker.ts'
import { type TaskId, taskName } from '../../core/record.ts'
import type { TaskState } from '../state/task-state.ts'
import type { Subtopology } from '../topology/plan.ts'
import { type PartitionQueue, TaskBuffer } from './buffer.ts'
import { DeadLetters } from './dead-letter.ts'
import type { Envelope } from './envelope.ts'
import { ErrorRules } from './error-rules.ts'
import { buildGraph, type GraphParts } from './graph.ts'
import type { TaskEnvironment } from './opened.ts'
import type { Ports } from './options.ts'
import { type CurrentRecord, type StreamTime, Task } from './task.ts'
import { TaskTimers } from './timers.ts'

/** What a task is made of, beside its environment. */
export interface TaskMaterial {
  readonly id: TaskId
  readonly subtopology: Subtopology
  readonly state: TaskState
  readonly current: CurrentRecord
  readonly queues: readonly PartitionQueue[]
  /** Envelopes of the last commit, one per queue or none. */
  readonly envelopes: readonly Envelope[]
  /** Shared by tasks that are driven as one; absent: its own. */
  readonly streamTime?: StreamTime
}

/** The part of a worker's environment that a task at work needs; a test driver has no more than this. */
export type AssemblyEnvironment = Pick<
  TaskEnvironment,
  'plan' | 'settings' | 'output' | 'globals' | 'onError' | 'wake' | 'requestCommit'
> & {
  readonly fetcher: Pick<Fetcher, 'lag' | 'pause' | 'resume'>
  readonly ports: Pick<Ports, 'clock' | 'random' | 'http' | 'log' | 'metrics' | 'tracer'> &
    Partial<Pick<Ports, 'broker' | 'secrets'>>
}

export function assembleTask(material: TaskMaterial, environment: AssemblyEnvironment): Task {
  const { id, subtopology, current, queues, envelopes } = material
  const { settings, ports, output, fetcher } = environment
  const name = taskName(id)
  const timers = new TaskTimers(latestEntries(envelopes))
  const streamTime = material.streamTime ?? { value: Math.max(-1, ...queues.map((queue) => queue.time)) }
  const log = ports.log.child({ task: name })
  const deadLetters = new DeadLetters(output, settings.deadLetterTopic, log, ports.metrics, name)
  const errors = new ErrorRules({
    settings,
    handler: environment.onError,
    deadLetters,
    log,
    metrics: ports.metrics,
    task: name,
  })
  const own = { timers, deadLetters, taskTime: () => streamTime.value }
  return new Task({
    id,
    nodes: subtopology.nodes,
    name,
    graph: buildGraph(graphParts(material, environment, own)),
    buffer: new TaskBuffer(queues, fetcher, settings.maxBufferedRecords, settings.maxTaskIdleMs),
    timers,
    errors,
    clock: ports.clock,
    processed: ports.metrics.counter('process-total', { task: name }),
    dropped: ({ topic, partition, offset }, node) => {
      ports.metrics.counter('dropped-records-total', { task: name, node }).value++
      log.debug({ node, topic, partition, offset }, 'record dropped: its timestamp is negative')
    },
    streamTime,
    current,
  })
}

function graphParts(
  { id, subtopology, state }: TaskMaterial,
  environment: AssemblyEnvironment,
  own: Pick<GraphParts, 'timers' | 'deadLetters' | 'taskTime'>,
): GraphParts {
  const { plan, settings, ports, output, globals, wake, requestCommit } = environment
  const { broker, clock, random, http, metrics, secrets, tracer } = ports
  const task = taskName(id)
  return {
    ...own,
    application: plan.application,
    subtopology,
    partition: id.partition,
    settings,
    host: {
      task,
      clock,
      random,
      http,
      ...(broker === undefined ? {} : { broker }),
      ...(secrets === undefined ? {} : { secrets }),
      metrics,
      log: ports.log.child({ task }),
      ...(tracer === undefined ? {} : { tracer }),
    },
    stores: globals.size === 0 ? state.stores : new Map([...globals, ...state.stores]),
    output,
    wake,
    requestCommit,
  }
}

function latestEntries(envelopes: readonly Envelope[]): Map<string, number> {
  const latest = new Map<string, number>()
  for (const { entries } of envelopes) {
    for (const [name, value] of entries) latest.set(name, Math.max(value, latest.get(name) ?? value))
  }
  return latest
}
