/**
 * A function in threads of their own, for work that keeps a processor busy: a score, a match, a picture. The thread of the
 * stream only sends values and takes answers. A thread does one call at a time, so that ending it ends that call alone.
 */
import { availableParallelism } from 'node:os'
import { countField, defineConfig, optional, textField } from '../../core/config.ts'
import type { ConfigSpec, Field } from '../../core/config.ts'
import { commonOptions, kindField, sourceSpec } from '../policy.ts'
import { createLease } from './lease.ts'
import type { Source, SourceOptions } from './source.ts'
import { WorkerPool } from './worker-pool.ts'
import type { WorkerRequest } from './worker-pool.ts'

export interface WorkerOptions extends SourceOptions {
  /** Most threads of this instance; default: one less than there are processors, at least 1. They start when needed. */
  readonly threads?: number
  /** Name of the exported function; default `default`. */
  readonly export?: string
  /** Memory of a thread, MB; one that needs more ends, and the call with it. Default: Node's. */
  readonly memoryMb?: number
  /** Default `read`. */
  readonly kind?: 'read' | 'write'
}

type WorkerFields = typeof sourceSpec.fields & {
  readonly threads: Field<number | undefined>
  readonly export: Field<string>
  readonly memoryMb: Field<number | undefined>
  readonly kind: Field<'read' | 'write' | undefined>
}

export const workerSpec: ConfigSpec<WorkerFields> = defineConfig({
  threads: optional(
    countField({ doc: 'Most threads of this instance; default: processors less one.', min: 1, max: 1024 }),
  ),
  export: textField({ doc: 'Name of the exported function.', default: 'default' }),
  memoryMb: optional(countField({ doc: 'Memory of a thread, MB.', min: 8 })),
  kind: kindField,
  ...sourceSpec.fields,
})

/**
 * A source that runs the function a module exports, `(value, key) => answer`, in worker threads. Values and answers are
 * copied (structured clone). At the timeout its thread is ended; a thread that crashes is a failed attempt, and the next
 * call starts another.
 * @example
 * import { inWorker } from 'sluice/enrich'
 *
 * const score = inWorker<number>(new URL('./score.js', import.meta.url), { threads: 2, timeout: '5s' })
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function inWorker<Answer = unknown>(
  module: URL,
  options: WorkerOptions = {},
): Source<Answer, unknown, WorkerRequest> {
  const name = options.name ?? module.pathname.split('/').at(-1)!
  const settings = workerSpec.parse(options, `inWorker ${name}`)
  const threads = settings.threads ?? Math.max(1, availableParallelism() - 1)
  const lease = createLease(
    async () => new WorkerPool(module, settings.export, threads, settings.memoryMb, `inWorker ${name}`),
    (pool) => pool.close(),
  )
  return {
    kind: settings.kind ?? 'read',
    ...(options.name === undefined ? {} : { name: options.name }),
    options: commonOptions(options),
    hold: lease.hold,
    release: lease.release,
    request: (value, key) => ({ value, key }),
    call: async (request, { signal }) => (await (await lease.use()).run(request, signal)) as Answer,
  }
}
