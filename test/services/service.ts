/**
 * Real services for tests, started by the scripts of `SLUICE_SERVICES` (default: `shared/services` beside the repository).
 * Where there are none, the tests that need one are skipped and say why.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Service {
  readonly port: number
  /** Ends the process at once, as a crash would. */
  kill(): void
  /** Starts it again on its port, with its data. */
  restart(): Promise<void>
  /** Ends it and removes its data. */
  stop(): void
}

export type ServiceName = 'redis' | 'postgres' | 'mariadb'

const folder =
  process.env['SLUICE_SERVICES'] ?? fileURLToPath(new URL('../../../shared/services', import.meta.url))

/** Why the tests of a service are skipped; undefined where it can be had. */
export function missing(name: ServiceName): string | undefined {
  const script = join(folder, `${name}-up`)
  if (!existsSync(script)) return `skipped: there is no ${script}, set SLUICE_SERVICES`
  // The scripts install what is missing through apt, which takes a moment and the rights to do so.
  return process.env['CI'] === 'true' && process.env['SLUICE_SERVICES'] === undefined
    ? 'skipped: CI=true without SLUICE_SERVICES'
    : undefined
}

/** Starts a service on a free port with a folder of its own. */
export async function startService(name: ServiceName): Promise<Service> {
  const data = mkdtempSync(join(tmpdir(), `sluice-${name}-`))
  const port = await freePort()
  await run(name, data, port)
  const signal = (kind: NodeJS.Signals): void => {
    try {
      process.kill(Number(readFileSync(join(data, 'pid'), 'utf8')), kind)
    } catch {
      // It has ended already.
    }
  }
  return {
    port,
    kill: () => signal('SIGKILL'),
    async restart() {
      // Children of a killed process may hold its port and its data for a moment.
      for (let left = 20; ; left--) {
        rmSync(join(data, 'data', 'postmaster.pid'), { force: true })
        try {
          return await run(name, data, port)
        } catch (error) {
          if (left === 0) throw error
          await new Promise((resolve) => {
            setTimeout(resolve, 250)
          })
        }
      }
    },
    stop() {
      signal('SIGKILL')
      rmSync(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
    },
  }
}

function run(name: ServiceName, data: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // The service inherits the output: a pipe would stay open as long as it runs.
    const up = spawn(join(folder, `${name}-up`), [data, String(port)], { stdio: 'ignore', detached: true })
    up.once('error', reject)
    up.once('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${name}-up ended with ${code}; its log is in ${data}`))
    })
  })
}

/** Below the range of outgoing connections. */
async function freePort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); port < 32_000; port++) {
    if (await isFree(port)) return port
  }
  throw new Error('no free port below 32,000')
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => {
      const { port: got } = server.address() as AddressInfo
      server.close(() => resolve(got === port))
    })
  })
}
