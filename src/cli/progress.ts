/** Whether an application has done everything there is to do: nothing unread, no call under way, all committed. */
import type { Broker } from '../core/broker.ts'
import { sleep } from '../core/clock.ts'
import type { Plan } from '../engine/topology/plan.ts'
import type { RunningApp } from '../engine/runtime/app.ts'
import { isOver } from '../engine/runtime/app-state.ts'
import type { Runtime } from './runtime.ts'

/** Longer than two commits of the default interval, so that a result emitted between two looks is committed by the second. */
const LOOK_EVERY_MS = 250

/**
 * Resolves when two looks in a row found nothing to do and nothing done in between.
 * @param commitIntervalMs of the application, if it is not the default
 */
export async function idle(
  runtime: Runtime,
  app: RunningApp,
  options: { readonly commitIntervalMs?: number; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const broker = runtime.connect()
  const pause = Math.max(LOOK_EVERY_MS, 2 * (options.commitIntervalMs ?? 0) + 50)
  try {
    let before: number | undefined
    while (options.signal?.aborted !== true && !isOver(app.state)) {
      const processed = total(runtime, 'process-total')
      const done = app.settled && inFlight(runtime) === 0 && !(await anyUnread(broker, app.plan))
      if (done && before === processed) return
      before = done ? processed : undefined
      await sleep(runtime.ports.clock, pause, options.signal)
    }
  } finally {
    await broker.close()
  }
}

/** Records whose calls are under way, over all applications of the runtime. */
export function inFlight(runtime: Runtime): number {
  return total(runtime, 'in-flight-records')
}

/** The sum of a counter or gauge over all its labels. */
export function total(runtime: Runtime, name: string, labels: Readonly<Record<string, string>> = {}): number {
  let sum = 0
  for (const sample of runtime.ports.metrics.samples()) {
    const wanted = Object.entries(labels).every(([label, text]) => sample.labels[label] === text)
    if (sample.name === name && wanted) sum += sample.value
  }
  return sum
}

async function anyUnread(broker: Broker, plan: Plan): Promise<boolean> {
  const topics = new Set(plan.subtopologies.flatMap(({ sourceTopics }) => sourceTopics))
  const committed = await broker.committedOffsets(plan.application)
  const positions = new Map(committed.map((at) => [`${at.topic}-${at.partition}`, at.offset]))
  for (const { name, partitions } of await broker.admin.describeTopics([...topics])) {
    for (let partition = 0; partition < partitions; partition++) {
      const earliest = await broker.admin.listOffset(name, partition, 'earliest', 'read_committed')
      const end = await broker.admin.listOffset(name, partition, 'latest', 'read_committed')
      const from = Math.max(earliest, positions.get(`${name}-${partition}`) ?? 0)
      if (from < end && (await holdsRecords(broker, name, partition, from, end))) return true
    }
  }
  return false
}

/** What lies behind the committed position may be nothing but the marks of transactions. */
async function holdsRecords(
  broker: Broker,
  topic: string,
  partition: number,
  from: number,
  end: number,
): Promise<boolean> {
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  try {
    fetcher.add(topic, partition, from)
    for (let at = from; at < end;) {
      await fetcher.arrived(1000)
      for (const batch of fetcher.take()) {
        if (batch.kind === 'failed' || batch.count > 0) return true
        at = batch.nextOffset
      }
    }
    return false
  } finally {
    fetcher.close()
  }
}
