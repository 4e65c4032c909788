/** Starts, breaks, mends and stops the API in a process of its own. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

export interface Api {
  readonly url: string
  /** Resolves when every further answer is of that kind. */
  setBroken(broken: boolean): Promise<void>
  close(): Promise<void>
}

export async function startApi(): Promise<Api> {
  const child = fork(new URL('api.ts', import.meta.url), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const { port } = (await reply(child)) as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    async setBroken(broken) {
      const done = reply(child)
      child.send({ broken })
      await done
    },
    close() {
      child.kill()
      return exited
    },
  }
}

function reply(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`the API ended with code ${code}`))
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message)
    })
    child.once('exit', ended)
    child.once('error', reject)
  })
}
