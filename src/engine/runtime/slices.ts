/** Runs resumable work in slices of a few milliseconds, so that heartbeats and replies run in between. */
import type { Clock, Scheduler } from '../../core/clock.ts'

/** Calls `step` until it returns true, giving way each time it stops because `shouldYield()` said so. */
export async function inSlices(
  clock: Clock,
  scheduler: Scheduler,
  sliceMs: number,
  step: (shouldYield: () => boolean) => boolean,
): Promise<void> {
  for (;;) {
    const deadline = clock.monotonic() + sliceMs
    if (step(() => clock.monotonic() >= deadline)) return
    await scheduler.yield()
  }
}
