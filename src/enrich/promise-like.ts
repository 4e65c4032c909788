/** Tells an answer that comes later from one that is there. */

export function isPromiseLike(answer: unknown): answer is PromiseLike<unknown> {
  return (
    typeof answer === 'object' && answer !== null && typeof (answer as { then?: unknown }).then === 'function'
  )
}
