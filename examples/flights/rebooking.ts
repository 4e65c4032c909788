/** Starts and stops the rebooking service in a process of its own. */
import { fork } from 'node:child_process'

export interface RebookingService {
  readonly url: string
  close(): Promise<void>
}

export async function startRebooking(): Promise<RebookingService> {
  const child = fork(new URL('service.ts', import.meta.url), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve((message as { port: number }).port))
    child.once('exit', (code) => reject(new Error(`the rebooking service ended with code ${code}`)))
    child.once('error', reject)
  })
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      child.kill()
      return exited
    },
  }
}
