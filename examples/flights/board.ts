/** What the demo knows of its results: alerts and the table of origins, read back from the topics they were written to. */
import { follow, positionsOf } from 'sluice/embed'
import type { Follower, Runtime } from 'sluice/embed'
import { delayAlerts, worstOrigins } from './app.ts'
import type { Alert, Origin } from './app.ts'

export interface Board {
  /** Every alert there is, also of earlier runs on the same folder. */
  readonly alerts: number
  /** Alerts that are there more than once: a broken promise. */
  readonly doubled: number
  readonly newAlerts: number
  readonly origins: ReadonlyMap<string, Origin>
  /** The worst delays first. */
  worst(count: number): readonly Origin[]
  caughtUp(): Promise<void>
  close(): Promise<void>
}

/** Where the alerts of this run begin. To be asked before the application starts. */
export function alertsSoFar(runtime: Runtime): Promise<readonly number[]> {
  return positionsOf(runtime.ports.broker, delayAlerts.name)
}

/** @param each called once for every alert of this run */
export async function openBoard(
  runtime: Runtime,
  before: readonly number[],
  each: (alert: Alert) => void,
): Promise<Board> {
  const ids = new Set<string>()
  const origins = new Map<string, Origin>()
  let [alerts, newAlerts] = [0, 0]
  const broker = runtime.connect()
  const alertsRead = await follow(broker, {
    ...read(delayAlerts),
    each({ partition, offset, value }) {
      if (value === null) return
      alerts++
      ids.add(value.id)
      if (offset < (before[partition] ?? 0)) return
      newAlerts++
      each(value)
    },
  })
  const originsRead = await follow(broker, {
    ...read(worstOrigins),
    each({ key, value }) {
      if (key !== null && value !== null) origins.set(key, value)
    },
  })
  const all: readonly Follower[] = [alertsRead, originsRead]
  return {
    get alerts() {
      return alerts
    },
    get doubled() {
      return alerts - ids.size
    },
    get newAlerts() {
      return newAlerts
    },
    origins,
    worst: (count) => [...origins.values()].toSorted(byWorst).slice(0, count),
    async caughtUp() {
      await Promise.all(all.map((follower) => follower.caughtUp()))
    },
    async close() {
      await Promise.all(all.map((follower) => follower.close()))
      await broker.close()
    },
  }
}

function read<T extends { readonly name: string }>({
  name,
  ...serdes
}: T): Omit<T, 'name'> & { topic: string } {
  return { topic: name, ...serdes }
}

function byWorst(a: Origin, b: Origin): number {
  return b.worstDelay - a.worstDelay || a.origin.localeCompare(b.origin)
}
