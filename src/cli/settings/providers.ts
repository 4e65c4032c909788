/**
 * References to secrets in a setting: `${env:NAME}`, `${file:/path}` (the whole file) and `${file:/path:key}` (a line `key=value`).
 * What they give is never part of a message, a log line or a listing: those show the reference.
 */
import { nearest } from '../../core/config.ts'
import { problemOf, sluiceError } from '../../core/errors.ts'

/** Where providers look. */
export interface ProviderSources {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The text of a file. Throws when it cannot be read. */
  readonly readFile: (path: string) => string
}

const REFERENCE = /\$\{(\w+):([^}]*)\}/g

/** True when `text` refers to a secret. */
export function hasReference(text: string): boolean {
  return text.search(REFERENCE) !== -1
}

/**
 * The text with every reference replaced.
 * @param place where the setting stands, for messages
 * @throws SLUICE_CONFIG_SECRET
 */
export function expand(text: string, place: string, sources: ProviderSources): string {
  return text.replaceAll(REFERENCE, (reference, provider: string, argument: string) => {
    const refuse = (problem: string, fix: string): Error =>
      sluiceError('SLUICE_CONFIG_SECRET', { place, reference, problem, remedy: fix })
    if (provider === 'env') {
      const found = sources.environment[argument]
      if (found !== undefined) return found
      throw refuse(`the environment has no ${argument}`, `Set ${argument}, or correct its name.`)
    }
    if (provider === 'file') return fromFile(argument, sources, refuse)
    const close = nearest(provider, ['env', 'file'])
    const hint = close === undefined ? '' : `; did you mean "${close}"?`
    throw refuse(`there is no provider "${provider}"${hint}`, 'Use ${env:NAME} or ${file:/path:key}.')
  })
}

function fromFile(
  argument: string,
  sources: ProviderSources,
  refuse: (problem: string, fix: string) => Error,
): string {
  // The last colon parts path and key; a drive letter (C:\…) is no key.
  const [, path, key] = /^(.+?)(?::([^:\\/]+))?$/.exec(argument) ?? []
  if (path === undefined) throw refuse('it names no file', 'Write ${file:/path:key}.')
  let text: string
  try {
    text = sources.readFile(path)
  } catch (error) {
    throw refuse(`the file cannot be read: ${problemOf(error)}`, `Check that ${path} exists and may be read.`)
  }
  if (key === undefined) return text.trim()
  const keys = new Map(Array.from(text.matchAll(/^\s*([^#!\s=:]+)\s*[=:]\s*(.*?)\s*$/gm), pair))
  const found = keys.get(key)
  if (found !== undefined) return found
  // Keys are no secrets; values are.
  throw refuse(`${path} has no key "${key}"`, `It has: ${[...keys.keys()].join(', ') || 'none'}.`)
}

function pair([, key, value]: RegExpMatchArray): readonly [string, string] {
  return [key!, value!]
}
