/** Somebody at a shell in a project: runs commands as they stand in the docs, edits and appends to files. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { expect } from './steps.ts'

/** The Node that runs this first, so that `npx` and `npm` use it too. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` }

/** A command that goes on. */
export interface Running {
  /** Resolves with all it said when that matches; rejects after half a minute, or when it ends before. */
  says(pattern: RegExp): Promise<string>
  /** Sends the signal to the command and resolves with its exit code. */
  stop(signal: NodeJS.Signals): Promise<number | null>
}

export class Newcomer {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  get folder(): string {
    return this.#folder
  }

  /** What it said on both streams. @throws when it ends with anything but 0 */
  run(command: string, cwd: string = this.#folder): string {
    const { status, stdout, stderr } = spawnSync(command, { cwd, env, shell: true, encoding: 'utf8' })
    expect(status === 0, `"${command}" ends with 0, not ${status}`, stdout + stderr)
    return stdout + stderr
  }

  start(command: string, args: readonly string[], cwd: string = this.#folder): Running {
    return new Started(spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }))
  }

  append(file: string, line: string): void {
    appendFileSync(join(this.#folder, file), `${line}\n`)
  }

  edit(file: string, from: string, to: string): void {
    const path = join(this.#folder, file)
    const content = readFileSync(path, 'utf8')
    expect(content.includes(from), `${file} has ${from}`, content)
    writeFileSync(path, content.replace(from, to))
  }
}

class Started implements Running {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #ended: Promise<number | null>
  #said = ''
  #over = false

  constructor(child: ChildProcessByStdio<null, Readable, Readable>) {
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text
      })
    }
    this.#ended = new Promise((resolve) => {
      child.once('close', (code) => {
        this.#over = true
        resolve(code)
      })
    })
  }

  async says(pattern: RegExp): Promise<string> {
    for (let left = 600; left > 0 && !pattern.test(this.#said) && !this.#over; left--) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    if (!pattern.test(this.#said)) await this.stop('SIGKILL')
    expect(pattern.test(this.#said), `it says ${pattern.source}`, this.#said)
    return this.#said
  }

  stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    return this.#ended
  }
}
