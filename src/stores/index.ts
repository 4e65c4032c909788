/** The storages to choose from. Everything heavy is loaded only by the `open` of the backend chosen. */
import type { StoreBackend } from '../core/store.ts'
import { lmdbBackend, loadLmdb } from './lmdb.ts'
import { memoryBackend } from './memory.ts'
import { sqliteBackend } from './sqlite.ts'
import type { SqliteOptions } from './sqlite.ts'
import { sluiceError } from '../core/errors.ts'

export { lmdbBackend } from './lmdb.ts'
export { memoryBackend } from './memory.ts'
export { sqliteBackend } from './sqlite.ts'
export type { SqliteOptions } from './sqlite.ts'

export type BackendChoice = 'auto' | 'lmdb' | 'sqlite' | 'memory'

export interface BackendOptions extends SqliteOptions {
  /** Default `auto`: lmdb where it is installed, otherwise node:sqlite. */
  readonly kind?: BackendChoice
}

/** The backend of a configuration. @throws SLUICE_DEPENDENCY_MISSING when lmdb was asked for by name and is not installed */
export async function chooseBackend(options: BackendOptions): Promise<StoreBackend> {
  const kind = options.kind ?? 'auto'
  const durable = options.durable ?? false
  if (kind === 'memory') return memoryBackend()
  if (kind === 'sqlite') return sqliteBackend(options)
  if ((await loadLmdb()) !== undefined) return lmdbBackend({ durable })
  if (kind === 'auto') return sqliteBackend(options)
  throw sluiceError('SLUICE_DEPENDENCY_MISSING', { what: 'the store backend "lmdb"', package: 'lmdb' })
}
