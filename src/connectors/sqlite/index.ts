/** Public door of the SQLite connector. */
export { sqliteSource } from './source.ts'
export type { SqliteSourceOptions } from './source.ts'
