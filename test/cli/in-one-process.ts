/**
 * Runs many commands one after the other in one process of their own, since starting Node costs more than most commands. Used
 * as a module by tests, and run by itself as that process: `node in-one-process.ts cases.json`.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Ended } from './command.ts'

const file = new URL(import.meta.url).pathname

export interface Setting {
  /** Folders in use by somebody else while the commands run. */
  readonly held?: readonly string[]
}

/** The outcome of each command line, in order. `{port}` in an argument is a port that is taken. */
export function sluiceAll(
  folder: string,
  commands: readonly (readonly string[])[],
  setting: Setting = {},
): readonly Ended[] {
  const cases = join(folder, 'cases.json')
  writeFileSync(cases, JSON.stringify({ commands, setting }))
  const { stdout, stderr, status } = spawnSync(process.execPath, [file, cases], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 25_000,
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`the process of the commands ended with ${status}: ${stderr}${stdout}`)
  return JSON.parse(readFileSync(`${cases}.out`, 'utf8')) as readonly Ended[]
}

async function child(cases: string): Promise<void> {
  const { main } = await import('../../src/cli/program.ts')
  const { openRuntime } = await import('../../src/cli/runtime.ts')
  const { commands, setting } = JSON.parse(readFileSync(cases, 'utf8')) as {
    readonly commands: readonly (readonly string[])[]
    readonly setting: Setting
  }
  process.setMaxListeners(0)
  process.stdout.setMaxListeners(0)
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  const port = String((taken.address() as AddressInfo).port)
  const held = await Promise.all((setting.held ?? []).map((folder) => openRuntime({ folder })))
  const outcomes: Ended[] = []
  for (const command of commands)
    outcomes.push(
      await captured(() => main(['node', 'sluice', ...command.map((word) => word.replace('{port}', port))])),
    )
  await Promise.all(held.map((runtime) => runtime.close()))
  taken.close()
  writeFileSync(`${cases}.out`, JSON.stringify(outcomes))
  process.exit(0)
}

async function captured(run: () => Promise<void>): Promise<Ended> {
  const written = { stdout: '', stderr: '' }
  const streams = ['stdout', 'stderr'] as const
  const originals = streams.map((name) => process[name].write)
  for (const name of streams) {
    process[name].write = (text: string | Uint8Array): boolean => {
      written[name] += String(text)
      return true
    }
  }
  process.exitCode = undefined
  try {
    // A mistake that is not noticed runs on: the test shall say which, not wait.
    await Promise.race([run(), new Promise((resolve) => setTimeout(resolve, 3000))])
  } finally {
    streams.forEach((name, at) => (process[name].write = originals[at]!))
  }
  const code = Number(process.exitCode ?? 0)
  process.exitCode = undefined
  return { ...written, code }
}

if (process.argv[1] === file) await child(process.argv[2]!)
