/** A key and the window it counts in: the key of every windowed table. Serdes and the engine share the word; it knows neither. */

/**
 * Time windows (tumbling, hopping, unlimited): `start` inclusive, `end` exclusive. Sliding and session windows: both
 * inclusive. Event times in ms since 1970.
 */
export interface Windowed<K> {
  readonly key: K
  readonly start: number
  readonly end: number
}
