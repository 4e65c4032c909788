/** Threads and the calls that wait for one. It must never give a thread a second call while the first runs. */
import { Worker } from 'node:worker_threads'
import { problemOf } from '../../core/errors.ts'
import { CallError } from '../call-error.ts'
import { abortReason } from './abortable.ts'
import { sourceError } from './source-error.ts'

export interface WorkerRequest {
  readonly value: unknown
  readonly key: unknown
}

/** What a thread answers. */
export type WorkerReply =
  | { readonly ok: true; readonly answer: unknown }
  | { readonly ok: false; readonly message: string; readonly retriable: boolean }

interface Job {
  readonly request: WorkerRequest
  readonly signal: AbortSignal
  settle(reply: WorkerReply): void
  fail(error: Error): void
}

/** Beside this file, in the form this file has: sources run as they are, the package as JavaScript. */
const THREAD = new URL(`./worker-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

export class WorkerPool {
  readonly #module: URL
  readonly #exported: string
  readonly #most: number
  readonly #memoryMb: number | undefined
  readonly #name: string
  readonly #waiting: Job[] = []
  readonly #idle: Worker[] = []
  readonly #all = new Set<Worker>()
  readonly #busy = new Map<Worker, Job>()

  constructor(module: URL, exported: string, most: number, memoryMb: number | undefined, name: string) {
    this.#module = module
    this.#exported = exported
    this.#most = most
    this.#memoryMb = memoryMb
    this.#name = name
  }

  run(request: WorkerRequest, signal: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(abortReason(signal))
        return
      }
      const abort = (): void => this.#abort(job)
      const over = (): void => signal.removeEventListener('abort', abort)
      const job: Job = {
        request,
        signal,
        settle: (reply) => {
          over()
          if (reply.ok) resolve(reply.answer)
          else reject(new CallError(reply.message, { retriable: reply.retriable }))
        },
        fail: (error) => {
          over()
          reject(error)
        },
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#waiting.push(job)
      this.#next()
    })
  }

  async close(): Promise<void> {
    for (const job of this.#waiting.splice(0)) job.fail(this.#lost('closed'))
    await Promise.all([...this.#all].map((worker) => worker.terminate()))
  }

  #next(): void {
    while (this.#waiting.length > 0) {
      const worker = this.#idle.pop() ?? (this.#all.size < this.#most ? this.#start() : undefined)
      if (worker === undefined) return
      const job = this.#waiting.shift()!
      this.#busy.set(worker, job)
      this.#send(worker, job)
    }
  }

  #send(worker: Worker, job: Job): void {
    try {
      worker.postMessage(job.request)
    } catch (error) {
      // A function, a socket: it cannot be copied, now or later.
      this.#busy.delete(worker)
      this.#idle.push(worker)
      job.fail(sourceError(this.#name, error, 'not cloneable', false))
    }
  }

  #start(): Worker {
    const worker = new Worker(THREAD, {
      workerData: { module: this.#module.href, exported: this.#exported },
      ...(this.#memoryMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: this.#memoryMb } }),
    })
    this.#all.add(worker)
    let crash: unknown
    worker.on('message', (reply: WorkerReply) => {
      const job = this.#busy.get(worker)
      this.#busy.delete(worker)
      this.#idle.push(worker)
      job?.settle(reply)
      this.#next()
    })
    worker.on('error', (error) => {
      crash = error
    })
    worker.on('exit', (code) => this.#ended(worker, crash, code))
    return worker
  }

  #ended(worker: Worker, crash: unknown, code: number): void {
    this.#all.delete(worker)
    const at = this.#idle.indexOf(worker)
    if (at >= 0) this.#idle.splice(at, 1)
    const job = this.#busy.get(worker)
    this.#busy.delete(worker)
    job?.fail(this.#lost(crash === undefined ? `ended with ${code}` : problemOf(crash), crash))
    this.#next()
  }

  #abort(job: Job): void {
    job.fail(abortReason(job.signal))
    const at = this.#waiting.indexOf(job)
    if (at >= 0) {
      this.#waiting.splice(at, 1)
      return
    }
    const [worker] = [...this.#busy].find(([, running]) => running === job) ?? []
    // Its place is free when it has ended; `#ended` then starts another for whoever waits. It never rejects.
    if (worker !== undefined) worker.terminate().catch(() => undefined)
  }

  #lost(problem: string, cause?: unknown): CallError {
    const { code } = (cause ?? {}) as { readonly code?: unknown }
    return sourceError(this.#name, new Error(`the thread ${problem}`, { cause }), code ?? 'thread', true)
  }
}
