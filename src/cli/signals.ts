/** Ctrl-C and SIGTERM: the first asks for a clean end, the second ends at once. A closed pipe asks for a clean end too. */

/** Aborted at the first signal, or when nobody reads stdout any more. */
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
  process.stdout.once('error', () => stop.abort())
  return stop.signal
}
