/**
 * Templates of requests: `{key}`, `{value}`, `{value.address.city}`, split once, filled per record.
 * A filled-in value must never change the shape of a URL: it is percent-encoded, and may not become a `..` segment.
 */
import { sluiceError } from '../../core/errors.ts'
import { compileLookup } from './placeholder.ts'
import type { Lookup } from './placeholder.ts'

/** `undefined`: a placeholder had nothing to fill in. */
export type Template<T> = (value: unknown, key: unknown) => T | undefined

/** The origin and path of a URL template. */
export interface UrlTemplate {
  readonly origin: string
  readonly path: Template<string>
}

/** @throws SLUICE_CONFIG_INVALID */
export function compileUrl(url: string, place: string): UrlTemplate {
  const match = /^(https?:\/\/[^/?#]+)([^#]*)$/.exec(url)
  const origin = match?.[1] ?? ''
  // An origin from data would let a record choose which server is asked.
  if (match === null || origin.includes('{') || !URL.canParse(origin)) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `${place}: url`,
      expected: 'an http(s) URL with a fixed host, for instance https://profiles.internal/users/{key}',
      came: JSON.stringify(url),
    })
  }
  const rest = match[2]!.startsWith('/') ? match[2]! : `/${match[2]!}`
  const fill = compileText(rest, (text) => encodeURIComponent(text), `${place}: url`)
  return {
    origin: new URL(origin).origin,
    path(value, key) {
      const path = fill(value, key)
      if (path !== undefined && path !== rest && /\/\.{1,2}(?:[/?]|$)/.test(path)) {
        throw new Error(`the path ${JSON.stringify(path)} would leave its folder`)
      }
      return path
    },
  }
}

/**
 * A text with placeholders.
 * @throws SLUICE_CONFIG_INVALID for placeholders other than {key}, {value} and {value.…}
 */
export function compileText(text: string, encode: (text: string) => string, place: string): Template<string> {
  const literals: string[] = []
  const lookups: Lookup[] = []
  let end = 0
  for (const match of text.matchAll(/\{([^{}]*)\}/g)) {
    literals.push(text.slice(end, match.index))
    lookups.push(compileLookup(match[1]!, place))
    end = match.index + match[0].length
  }
  const tail = text.slice(end)
  if (lookups.length === 0) return () => text
  return (value, key) => {
    let filled = ''
    for (let at = 0; at < lookups.length; at++) {
      const part = lookups[at]!(value, key)
      if (part === null || part === undefined) return undefined
      filled += literals[at]! + encode(textOf(part))
    }
    return filled + tail
  }
}

/** `${env:NAME}`, `${file:/path}`, `${file:/path:key}` in a header. */
const REFERENCE = /\$\{\w+:[^}]*\}/g

/** True where a header refers to a secret. */
export function hasReference(text: string): boolean {
  return text.search(REFERENCE) !== -1
}

/** The references of a text, in their order. */
export function referencesOf(text: string): readonly string[] {
  return text.match(REFERENCE) ?? []
}

/** The text without its references, which no placeholder of a record is part of. */
export function withoutReferences(text: string): string {
  return text.replaceAll(REFERENCE, '')
}

/**
 * A header: no line breaks, or a record could add headers of its own.
 * @param secret gives what a reference stands for
 */
export function compileHeader(
  text: string,
  place: string,
  secret: (reference: string) => string,
): Template<string> {
  const references = referencesOf(text)
  const pieces = text.split(REFERENCE).map((piece) => compileText(piece, checkHeader, place))
  return (value, key) => {
    let filled = ''
    for (const [at, piece] of pieces.entries()) {
      const part = piece(value, key)
      if (part === undefined) return undefined
      filled += at < references.length ? part + checkHeader(secret(references[at]!)) : part
    }
    return filled
  }
}

function checkHeader(part: string): string {
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(part))
    throw new Error('a header value has control characters')
  return part
}

/**
 * A JSON value whose texts may hold placeholders. A text that is one placeholder becomes what it names, with its type;
 * missing values become null, since a body need not be complete.
 */
export function compileBody(body: unknown, place: string): (value: unknown, key: unknown) => unknown {
  if (typeof body === 'string') {
    const whole = /^\{([^{}]*)\}$/.exec(body)
    if (whole !== null) {
      const lookup = compileLookup(whole[1]!, place)
      return (value, key) => lookup(value, key) ?? null
    }
    const fill = compileText(body, (text) => text, place)
    return (value, key) => fill(value, key) ?? null
  }
  if (Array.isArray(body)) {
    const parts = body.map((part) => compileBody(part, place))
    return (value, key) => parts.map((part) => part(value, key))
  }
  if (typeof body === 'object' && body !== null) {
    const parts = Object.entries(body).map(([name, part]) => [name, compileBody(part, place)] as const)
    return (value, key) => Object.fromEntries(parts.map(([name, part]) => [name, part(value, key)]))
  }
  return () => body
}

function textOf(part: unknown): string {
  if (typeof part === 'string') return part
  if (typeof part === 'bigint') return part.toString()
  const text = JSON.stringify(part) as string | undefined
  if (text !== undefined) return text
  throw new Error(`a ${typeof part} cannot be part of a request`)
}
