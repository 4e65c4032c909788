/** Gives way to the real event loop. It must resolve only after pending I/O and due timers had their chance. */
import type { Scheduler } from '../core/clock.ts'

/** Yields through the check phase of the event loop; unlike a timer it keeps the process alive until it resolved. */
export const systemScheduler: Scheduler = {
  yield: () => new Promise((resolve) => setImmediate(resolve)),
}
