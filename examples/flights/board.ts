/** What the demo knows of its results: alerts and the table of origins, read back from the topics they were written to. */
import { follow, positionsOf } from 'sluice/embed'
import type { Follower, Runtime } from 'sluice/embed'
import { delayAlerts, worstOrigins } from './app.ts'
import type { Alert, Origin } from './app.ts'

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
  const board = new Board(runtime.connect())
  await board.open(before, each)
  return board
}

export class Board {
  /** Every alert there is, also of earlier runs on the same folder. */
  alerts = 0
  /** Alerts of this run. */
  newAlerts = 0
  readonly origins: Map<string, Origin> = new Map()
  readonly #broker: Runtime['ports']['broker']
  readonly #ids = new Set<string>()
  #followers: readonly Follower[] = []

  constructor(broker: Runtime['ports']['broker']) {
    this.#broker = broker
  }

  /** Alerts that are there more than once: a broken promise. */
  get doubled(): number {
    return this.alerts - this.#ids.size
  }

  async open(before: readonly number[], each: (alert: Alert) => void): Promise<void> {
    const alerts = await follow(this.#broker, {
      ...read(delayAlerts),
      each: ({ partition, offset, value }) => {
        if (value === null) return
        this.alerts++
        this.#ids.add(value.id)
        if (offset < (before[partition] ?? 0)) return
        this.newAlerts++
        each(value)
      },
    })
    const origins = await follow(this.#broker, {
      ...read(worstOrigins),
      each: ({ key, value }) => {
        if (key !== null && value !== null) this.origins.set(key, value)
      },
    })
    this.#followers = [alerts, origins]
  }

  /** The worst delays first. */
  worst(count: number): readonly Origin[] {
    return [...this.origins.values()].toSorted(byWorst).slice(0, count)
  }

  /** Resolves when everything committed by now has been seen. */
  async caughtUp(): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.caughtUp()))
  }

  async close(): Promise<void> {
    await Promise.all(this.#followers.map((follower) => follower.close()))
    await this.#broker.close()
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
