/** Where two values differ, path by path: what a person looks for in two long lines that are nearly equal. */
import { inspect, isDeepStrictEqual } from 'node:util'

/** Lines such as `value.total: expected 5, came 6`. */
export function differences(expected: unknown, came: unknown, path = ''): readonly string[] {
  if (isDeepStrictEqual(expected, came)) return []
  if (!isTree(expected) || !isTree(came) || Array.isArray(expected) !== Array.isArray(came)) {
    return [`${path === '' ? 'it' : path}: expected ${text(expected)}, came ${text(came)}`]
  }
  const names = [...new Set([...Object.keys(expected), ...Object.keys(came)])]
  const found = names.flatMap((name) => entry(name, expected, came, path))
  // Equal in every field and still not equal: another prototype, a hidden field.
  return found.length > 0 ? found : [`${path}: expected ${text(expected)}, came ${text(came)}`]
}

type Tree = Readonly<Record<string, unknown>>

function entry(name: string, expected: Tree, came: Tree, path: string): readonly string[] {
  const at = `${path}${Array.isArray(expected) ? `[${name}]` : `${path === '' ? '' : '.'}${name}`}`
  if (!(name in expected)) return [`${at}: expected nothing, came ${text(came[name])}`]
  if (!(name in came)) return [`${at}: expected ${text(expected[name])}, came nothing`]
  return differences(expected[name], came[name], at)
}

function isTree(value: unknown): value is Tree {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

function text(value: unknown): string {
  return inspect(value, { depth: 5, breakLength: Infinity, compact: true })
}
