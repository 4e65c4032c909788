/**
 * The order in which Java's hash sets of strings give their elements. It shows in the text of `describe()`, where stores and
 * topics are printed out of such sets; nothing else may depend on it.
 */

/** Java's String.hashCode, spread over the low bits as HashMap does. */
function spreadHash(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(31, hash) + text.charCodeAt(at)) | 0
  return (hash ^ (hash >>> 16)) >>> 0
}

/** By bucket of a table that grows at three quarters; within a bucket in the order of insertion. */
export function hashOrder(names: Iterable<string>): readonly string[] {
  const unique = [...new Set(names)]
  let buckets = 16
  while (unique.length > buckets * 0.75) buckets *= 2
  const bucket = (name: string): number => spreadHash(name) & (buckets - 1)
  return unique.toSorted((a, b) => bucket(a) - bucket(b))
}
