/** Runs the command line from the sources in a folder of its own, as a user would. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Project {
  readonly folder: string
  write(name: string, content: string): void
  /** Starts `sluice …`; `child` may be sent signals, `ended` resolves with everything it printed. */
  start(...args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> }
  sluice(...args: readonly string[]): Promise<Ended>
  remove(): void
}

export function makeProject(files: Readonly<Record<string, string>>): Project {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  const write = (name: string, content: string): void => writeFileSync(join(folder, name), content)
  write('package.json', '{"type":"module"}')
  for (const [name, content] of Object.entries(files)) write(name, content)
  const start: Project['start'] = (...args) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const ended = new Promise<Ended>((resolve) =>
      child.once('close', (code) => resolve({ code, stdout, stderr })),
    )
    return { child, ended }
  }
  return {
    folder,
    write,
    start,
    sluice: (...args) => start(...args).ended,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Resolves when the process prints `text` on stderr or stdout. */
export function said(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let all = ''
    const look = (part: string): void => {
      all += part
      if (all.includes(text)) resolve()
    }
    child.stdout!.on('data', look)
    child.stderr!.on('data', look)
    child.once('close', () => reject(new Error(`ended without saying ${JSON.stringify(text)}: ${all}`)))
  })
}
