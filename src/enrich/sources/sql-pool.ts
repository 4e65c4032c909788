/**
 * A statement on a connection of a pool, cut short by an AbortSignal: the caller is told at once, the database is told to
 * stop, and that connection is closed, so that a cancel that comes late never stops the statement of somebody else.
 */

import { abortReason } from './abortable.ts'

/** One connection taken from a pool. */
export interface PooledClient<Row> {
  query(text: string, parameters: readonly unknown[]): Promise<readonly Row[]>
  /** Stops what runs on it, through another connection. */
  cancel(): Promise<void>
  /** Gives it back; `broken`: closes it instead. */
  release(broken: boolean): void
}

/** A cancel that arrives before the statement does has no effect, and neither side can tell: it is said again. */
const MOST_CANCELS = 20

/** What still runs, or is being stopped: pools are closed after it. */
export type Running = Set<Promise<unknown>>

/** Asks with a connection of `take`. Rejects with the reason of the signal when that aborts first. */
export function runPooled<Row>(
  running: Running,
  take: () => Promise<PooledClient<Row>>,
  text: string,
  parameters: readonly unknown[],
  signal: AbortSignal,
): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    let stop: (() => void) | undefined
    const abort = (): void => {
      reject(abortReason(signal))
      stop?.()
    }
    if (signal.aborted) {
      abort()
      return
    }
    signal.addEventListener('abort', abort, { once: true })
    const work = async (): Promise<readonly Row[]> => {
      const client = await take()
      if (signal.aborted) {
        client.release(false)
        throw abortReason(signal)
      }
      return onClient(client, text, parameters, (cancel) => {
        stop = cancel
      })
    }
    const working = work()
    running.add(working)
    const done = (): void => {
      signal.removeEventListener('abort', abort)
      running.delete(working)
    }
    working.finally(done).then(resolve, reject)
  })
}

async function onClient<Row>(
  client: PooledClient<Row>,
  text: string,
  parameters: readonly unknown[],
  started: (cancel: () => void) => void,
): Promise<readonly Row[]> {
  let settled = false
  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    try {
      for (let times = 0; !settled && times < MOST_CANCELS; times++) await client.cancel()
    } catch {
      // The server cannot be told; closing the connection is all that is left.
    }
    client.release(true)
  }
  started(() => {
    stopping ??= stop()
  })
  try {
    return await client.query(text, parameters)
  } finally {
    settled = true
    if (stopping === undefined) client.release(false)
    else await stopping
  }
}
