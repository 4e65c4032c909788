/** Reading the words of a command line: numbers, durations, times. What does not fit is refused with an example of what does. */
import { InvalidArgumentError } from 'commander'
import { milliseconds } from '../core/duration.ts'
import type { Duration } from '../core/duration.ts'
import type { Input } from './run-options.ts'

/** A reader of whole numbers within [least, most]. */
export function wholeNumber(least: number, most: number): (given: string) => number {
  return (given) => {
    const count = Number(given)
    if (/^\d+$/.test(given) && count >= least && count <= most) return count
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
  }
}

/** Records a second: `100`, `100/s`, `6000/m`. */
export function rate(given: string): number {
  const [, count, unit = 's'] = /^(\d+(?:\.\d+)?)(?:\/([smh]))?$/.exec(given) ?? []
  const perSecond = Number(count) / { s: 1, m: 60, h: 3600 }[unit as 's' | 'm' | 'h']
  if (perSecond > 0) return perSecond
  throw new InvalidArgumentError('Expected records a second such as 100, 100/s or 30/m.')
}

/** Milliseconds since 1970 of an ISO 8601 time, of milliseconds, or of a duration ago such as `10m`. */
export function time(given: string, now: number = Date.now()): number {
  if (/^\d+(?:\.\d+)?(?:ms|s|m|h|d)$/.test(given)) return now - milliseconds(given as Duration, 'time')
  const at = /^\d+$/.test(given) ? Number(given) : Date.parse(given)
  if (Number.isSafeInteger(at)) return at
  throw new InvalidArgumentError(
    'Expected a time such as 2026-01-31T12:00:00Z, milliseconds since 1970, or a duration ago such as 10m.',
  )
}

/** `name=value`, collected. */
export function setting(
  given: string,
  all: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const at = given.indexOf('=')
  if (at > 0) return { ...all, [given.slice(0, at)]: given.slice(at + 1) }
  throw new InvalidArgumentError('Expected name=value, for instance cleanup.policy=compact.')
}

/** A repeatable option. */
export function collect(given: string, all: readonly string[]): readonly string[] {
  return [...all, given]
}

/** `topic=file`, repeatable. */
export function topicFile(given: string, all: readonly Input[]): readonly Input[] {
  const [, topic, file] = /^([^=]+)=(.+)$/.exec(given) ?? []
  if (topic !== undefined && file !== undefined) return [...all, { topic, file }]
  throw new InvalidArgumentError('Expected topic=file, for instance orders=orders.jsonl.')
}
