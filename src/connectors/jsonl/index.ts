/** Public door of the JSON Lines connector. */
export { jsonLinesSource } from './source.ts'
export type { JsonLinesOptions, LinesFile, OpenLinesFile } from './source.ts'
