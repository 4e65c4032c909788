/** Public door of the JSON Lines connector. */
export { jsonLinesSource } from './source.ts'
