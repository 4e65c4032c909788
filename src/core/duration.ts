/** Durations as people write them: `250ms`, `2s`, `1.5m`, `1h`, `7d`, or a number of milliseconds. */
import { sluiceError } from './errors.ts'

export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of a duration.
 * @param place what is being parsed, for the message, for instance `enrich profile: timeout`
 * @throws SLUICE_CONFIG_INVALID
 */
export function milliseconds(duration: Duration, place: string): number {
  if (typeof duration === 'number' && Number.isFinite(duration) && duration >= 0) return duration
  const match = typeof duration === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(duration) : null
  if (match === null) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place,
      expected: 'a duration such as 250ms, 2s, 1m, 1h, or milliseconds as a number >= 0',
      came: JSON.stringify(duration) ?? String(duration),
    })
  }
  return Number(match[1]) * UNITS[match[2]!]!
}
