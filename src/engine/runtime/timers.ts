/**
 * Punctuators of one task: stream time and wall clock, missed ticks collapsed into one, as in Kafka Streams. They run on
 * the loop between records (stream time after each record, the wall clock once a turn), never inside `process`. Next stream-time ticks are committed with the offsets, so that a
 * restart neither repeats nor skips one.
 */
import type { Cancellable, KeptNumber, PunctuationKind } from '../../core/processor.ts'
import { shortName } from './envelope.ts'

interface Schedule {
  readonly node: string
  readonly kind: PunctuationKind
  readonly intervalMs: number
  readonly run: (timestamp: number) => void
  /** Stream time of the node's region, or the wall clock. */
  readonly now: () => number
  /** Name of its entry in the commit envelope. */
  readonly entry: string
  next: number
  cancelled: boolean
}

export class TaskTimers {
  #schedules: Schedule[] = []
  readonly #restored: ReadonlyMap<string, number>
  readonly #kept = new Map<string, KeptNumber>()
  readonly #counts = new Map<string, number>()
  #onStreamTime = 0

  /** @param restored entries of the commit envelope of this task */
  constructor(restored: ReadonlyMap<string, number>) {
    this.#restored = restored
  }

  get size(): number {
    return this.#schedules.length
  }

  add(
    node: string,
    kind: PunctuationKind,
    intervalMs: number,
    now: () => number,
    run: (timestamp: number) => void,
  ): Cancellable {
    const count = this.#counts.get(node) ?? 0
    this.#counts.set(node, count + 1)
    const entry = `sluice.punctuate.${node}.${count}`
    // Stream time is aligned to 0 and fires as soon as it is known; the wall clock first after one interval.
    const first = kind === 'stream-time' ? (this.#restoredAs(entry) ?? 0) : now() + intervalMs
    const schedule: Schedule = { node, kind, intervalMs, run, now, entry, next: first, cancelled: false }
    this.#schedules.push(schedule)
    if (kind === 'stream-time') this.#onStreamTime++
    return {
      cancel: () => {
        if (schedule.cancelled) return
        schedule.cancelled = true
        if (kind === 'stream-time') this.#onStreamTime--
        this.#schedules = this.#schedules.filter((other) => other !== schedule)
      },
    }
  }

  /** Whether anything waits for stream time: then it must be looked at after every record, or what a tick sees would depend on timing. */
  get onStreamTime(): boolean {
    return this.#onStreamTime > 0
  }

  /** Runs what is due; `guard` wraps each call, so that an error names the node. Returns how many ran. */
  run(
    guard: (node: string, timestamp: number, run: (timestamp: number) => void) => void,
    kind?: PunctuationKind,
  ): number {
    let ran = 0
    for (const schedule of this.#schedules) {
      if (schedule.cancelled || (kind !== undefined && schedule.kind !== kind)) continue
      const now = schedule.now()
      if (now < schedule.next || now < 0) continue
      const missed = Math.floor((now - schedule.next) / schedule.intervalMs)
      schedule.next += (missed + 1) * schedule.intervalMs
      guard(schedule.node, now, schedule.run)
      ran++
    }
    return ran
  }

  /** When the next wall-clock tick is due, or undefined. */
  nextWallClock(): number | undefined {
    let next: number | undefined
    for (const schedule of this.#schedules) {
      if (schedule.kind === 'wall-clock' && (next === undefined || schedule.next < next)) next = schedule.next
    }
    return next
  }

  /** A number of a node, as it was committed last. */
  kept(node: string, name: string): KeptNumber {
    const entry = `sluice.kept.${node}.${name}`
    const known = this.#kept.get(entry)
    if (known !== undefined) return known
    const kept: KeptNumber = { value: this.#restoredAs(entry) ?? -1 }
    this.#kept.set(entry, kept)
    return kept
  }

  /** Partitions may have been committed under full names and, later, under short ones: the latest counts. */
  #restoredAs(entry: string): number | undefined {
    const [full, short] = [this.#restored.get(entry), this.#restored.get(shortName(entry))]
    return full === undefined || short === undefined ? (full ?? short) : Math.max(full, short)
  }

  /** Entries for the commit envelope. */
  entries(): Map<string, number> {
    const entries = new Map<string, number>()
    for (const [entry, { value }] of this.#kept) if (value !== -1) entries.set(entry, value)
    for (const schedule of this.#schedules) {
      if (schedule.kind === 'stream-time') entries.set(schedule.entry, schedule.next)
    }
    return entries
  }
}
