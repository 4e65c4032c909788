/** About how many bytes a value takes, without serialising it: for bounds of memory, not for protocols. */

/** Deeper than any sane answer: a structure that refers to itself must end. */
const DEEPEST = 32

/** UTF-16 texts count a byte a character, numbers and the like 8, each part of an object its name beside its value. */
export function roughBytes(value: unknown, depth = 0): number {
  switch (typeof value) {
    case 'string':
      return value.length
    case 'object':
      if (value === null || depth > DEEPEST) return 8
      return ArrayBuffer.isView(value) ? value.byteLength : partsBytes(value, depth)
    case 'undefined':
      return 0
    default:
      return 8
  }
}

function partsBytes(value: object, depth: number): number {
  let bytes = 8
  if (Array.isArray(value)) {
    for (const part of value) bytes += roughBytes(part, depth + 1)
    return bytes
  }
  if (value instanceof Map) {
    for (const [name, part] of value) bytes += roughBytes(name, depth + 1) + roughBytes(part, depth + 1)
    return bytes
  }
  for (const name of Object.keys(value))
    bytes += name.length + roughBytes((value as Readonly<Record<string, unknown>>)[name], depth + 1)
  return bytes
}
