/** What counts as no key and no value, decoded or not: a side that is not decoded holds its bytes, null stays null. */

export function isAbsent(side: unknown): side is null | undefined {
  return side === null || side === undefined
}
