/** Promises of drivers that know no AbortSignal: whoever waits is told at once. */

/** The promise, or a rejection with the reason of the signal as soon as that aborts. What the promise does later is dropped. */
export function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(abortReason(signal))
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    promise.finally(() => signal.removeEventListener('abort', abort)).then(resolve, reject)
  })
}

export function abortReason(signal: AbortSignal): Error {
  const { reason } = signal as { readonly reason: unknown }
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}
