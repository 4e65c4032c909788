/** Runs in a thread of `worker-pool.ts`: loads the user's module once, then answers one message after the other. */
import { parentPort, workerData } from 'node:worker_threads'
import type { WorkerReply, WorkerRequest } from './worker-pool.ts'

type Answer = (value: unknown, key: unknown) => unknown

const { module, exported } = workerData as { readonly module: string; readonly exported: string }
const loading = import(module) as Promise<Readonly<Record<string, unknown>>>

async function answer({ value, key }: WorkerRequest): Promise<WorkerReply> {
  try {
    const found = (await loading)[exported]
    if (typeof found !== 'function') return refuse(`${module} exports no function "${exported}"`, false)
    return { ok: true, answer: await (found as Answer)(value, key) }
  } catch (error) {
    const { message, retriable } = error as { readonly message?: unknown; readonly retriable?: unknown }
    return refuse(typeof message === 'string' ? message : String(error), retriable !== false)
  }
}

function refuse(message: string, retriable: boolean): WorkerReply {
  return { ok: false, message, retriable }
}

async function reply(request: WorkerRequest): Promise<void> {
  const made = await answer(request)
  try {
    parentPort!.postMessage(made)
  } catch (error) {
    parentPort!.postMessage(refuse(`the answer cannot be copied: ${String(error)}`, false))
  }
}

parentPort!.on('message', (request: WorkerRequest) => {
  reply(request).catch((error: unknown) => {
    throw error
  })
})
