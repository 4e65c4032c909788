/** Seeds as they are written on a command line. */

/** @param text `N` or `N..M` */
export function seedsOf(text: string): number[] {
  const [from = Number.NaN, to = from] = text.split('..').map(Number)
  if (!Number.isInteger(from) || !Number.isInteger(to) || to < from)
    throw new Error(`--seeds ${text}: expected N or N..M, whole numbers`)
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}
