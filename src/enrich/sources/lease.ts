/**
 * A client of an outside system that several sources and tasks share: made at the first call, closed after the last task.
 * It must never keep a client that could not be made: the next call tries again.
 */

export interface Lease<Client> {
  /** The client; the first call makes it. */
  use(): Promise<Client>
  hold(): void
  release(): void
  /** Resolves when every client that was given up is closed. For tests and for whoever ends by itself. */
  close(): Promise<void>
}

/**
 * @param open connects; what it throws is the failure of the call that asked
 * @param shut closes; it must not hang. What it throws is dropped: nobody uses that client any more.
 */
export function createLease<Client>(
  open: () => Promise<Client>,
  shut: (client: Client) => Promise<unknown>,
): Lease<Client> {
  let holders = 0
  let current: Promise<Client> | undefined
  let closing: Promise<void> = Promise.resolve()

  function use(): Promise<Client> {
    if (current !== undefined) return current
    const opening: Promise<Client> = open().catch((error: unknown) => {
      if (current === opening) current = undefined
      throw error
    })
    current = opening
    return opening
  }

  function close(): Promise<void> {
    const last = current
    current = undefined
    if (last !== undefined) {
      const shutting = async (): Promise<void> => {
        try {
          await shut(await last)
        } catch {
          // It was never open, or is broken already.
        }
      }
      closing = Promise.all([closing, shutting()]).then(() => undefined)
    }
    return closing
  }

  return {
    use,
    close,
    hold: () => void holders++,
    release() {
      holders--
      // `close` hands on what is still closing: nobody else waits for it, and it never rejects.
      if (holders === 0) closing = close()
    },
  }
}
