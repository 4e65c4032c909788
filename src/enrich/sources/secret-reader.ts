/** Secrets of a source's headers: proved when the application starts, read again now and then, never shown. */
import type { AsyncHost } from '../../core/async-operator.ts'
import type { Clock } from '../../core/clock.ts'
import type { Secrets } from '../../core/secrets.ts'
import { hasReference, referencesOf } from './http-template.ts'

/** How old a secret may be, ms: the time until a rotated token is used. */
const FRESH_MS = 10_000

interface Kept {
  readonly text: string
  readonly until: number
}

export class SecretReader {
  readonly #references: readonly string[]
  readonly #place: string
  readonly #kept = new Map<string, Kept>()
  #secrets: Secrets | undefined
  #clock: Clock | undefined

  constructor(texts: readonly string[], place: string) {
    this.#references = texts.filter(hasReference).flatMap(referencesOf)
    this.#place = place
  }

  /** Reads all of them once: one that is missing must stop the start, not send each record to the dead letters. @throws SLUICE_CONFIG_SECRET */
  attach({ secrets, clock }: AsyncHost): void {
    this.#secrets = secrets
    this.#clock = clock
    for (const reference of this.#references) this.read(reference)
  }

  read(reference: string): string {
    if (this.#secrets === undefined || this.#clock === undefined) return reference
    const now = this.#clock.monotonic()
    const kept = this.#kept.get(reference)
    if (kept !== undefined && now < kept.until) return kept.text
    const text = this.#now(this.#secrets, reference, kept)
    this.#kept.set(reference, { text, until: now + FRESH_MS })
    return text
  }

  /** A file that is being replaced may be away for a moment: the last value goes on. */
  #now(secrets: Secrets, reference: string, kept: Kept | undefined): string {
    try {
      return secrets.read(reference, this.#place)
    } catch (error) {
      if (kept === undefined) throw error
      return kept.text
    }
  }
}
