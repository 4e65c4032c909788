import { spawnSync } from 'node:child_process'
import { describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/platform/clock.ts'
import { systemScheduler } from '../../src/platform/scheduler.ts'

const path = (file: string): string => new URL(`../../src/platform/${file}.ts`, import.meta.url).href

/** Runs a module in a process of its own: whether a process ends by itself cannot be seen from inside. */
function run(code: string): { readonly output: string; readonly ended: boolean } {
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 10_000,
  })
  return { output: stdout, ended: status === 0 }
}

describe('the system clock', () => {
  it('waits at least about the time asked for', async () => {
    const from = systemClock.monotonic()
    await new Promise<void>((resolve) => {
      const keepAlive = setInterval(() => undefined, 1_000)
      systemClock.setTimer(30, () => {
        clearInterval(keepAlive)
        resolve()
      })
    })
    expect(systemClock.monotonic() - from).toBeGreaterThanOrEqual(28)
  })

  it('never runs a cancelled timer, of any length', async () => {
    const fired: number[] = []
    for (const ms of [0, 1, 5]) systemClock.setTimer(ms, () => fired.push(ms)).cancel()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(fired).toEqual([])
  })

  it('runs a timer of 0 in a later turn, not in this one', async () => {
    let fired = false
    systemClock.setTimer(0, () => (fired = true))
    await Promise.resolve()
    expect(fired).toBe(false)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(fired).toBe(true)
  })

  it('arms a timer of months in steps and fires it once, at its time; Node alone would fire it at once', () => {
    vi.useFakeTimers()
    try {
      const months = 2 ** 32
      let fired = 0
      systemClock.setTimer(months, () => fired++)
      vi.advanceTimersByTime(months - 1)
      expect(fired).toBe(0)
      vi.advanceTimersByTime(1)
      expect(fired).toBe(1)
      const cancelled = systemClock.setTimer(months, () => fired++)
      vi.advanceTimersByTime(2 ** 31 + 5)
      cancelled.cancel()
      vi.advanceTimersByTime(months)
      expect(fired).toBe(1)
    } finally {
      vi.useRealTimers()
    }
  })

  it('keeps no process alive', () => {
    const code = `import { systemClock } from '${path('clock')}'
      systemClock.setTimer(60_000, () => console.log('late'))
      systemClock.setTimer(0, () => undefined)`
    expect(run(code)).toEqual({ output: '', ended: true })
  })
})

describe('the system scheduler', () => {
  it('lets due timers and I/O have their turn', async () => {
    let turned = false
    setImmediate(() => (turned = true))
    await systemScheduler.yield()
    expect(turned).toBe(true)
  })

  it('keeps the process alive until it resolved', () => {
    const code = `import { systemScheduler } from '${path('scheduler')}'
      await systemScheduler.yield()
      console.log('resolved')`
    expect(run(code)).toEqual({ output: 'resolved\n', ended: true })
  })
})
