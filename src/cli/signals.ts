/** Ctrl-C and SIGTERM: the first asks for a clean end, the second ends at once. */

/** Aborted at the first signal. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.on(signal, () => {
      // 128 + number is how shells tell that a signal ended a process.
      if (stop.signal.aborted) process.exit(128 + number)
      if (process.stderr.isTTY) process.stderr.write('\nstopping (once more to stop at once)\n')
      stop.abort()
    })
  }
  return stop.signal
}
