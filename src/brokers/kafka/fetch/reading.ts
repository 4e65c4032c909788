/**
 * One partition being read: where it is, what waits to be handed out, and what an answer of the leader does to it. No I/O.
 * It must never hand out what its isolation hides; positions move by whole batches, also over what is hidden.
 */
import type { Fetched } from '../../../core/broker.ts'
import type { Bytes } from '../../../core/record.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { isSluiceError, problemOf, sluiceError } from '../../../core/errors.ts'
import type { AbortedTransaction } from '../../record-batch/aborted.ts'
import { HEADER_BYTES, headerProblem, readHeader } from '../../record-batch/header.ts'
import { indexBatches } from '../../record-batch/reader.ts'
import type { FetchPartitionData } from '../protocol/messages/fetch.ts'

/** A piece this much smaller than the frame it came in is copied: whoever keeps it would keep the frame. */
const COPIED_BELOW = 1 / 8

export class Reading {
  readonly topic: string
  readonly partition: number
  /** The next offset to ask for. */
  position: number
  /** Leader epoch of the batch before `position`; -1 while unknown. */
  positionEpoch = -1
  /** Leader epoch under which the position was last known to be in the log; -1: not looked at yet. */
  checkedEpoch = -1
  /** Incarnation of the topic; set by the first metadata. */
  topicId: string | undefined
  paused = false
  /** An answer is awaited that names this partition, or its position is being looked at. */
  busy = false
  /** A failure was handed out or waits; the partition stays where it is. */
  failed = false
  /** It may be asked for again from this time of the monotonic clock on. */
  notBefore = 0
  failures = 0
  /** End of what this isolation level can read, as last answered. */
  end: number | undefined
  ready: Fetched[] = []
  readyBytes = 0
  #handed: number
  #raw: Raw[] = []

  constructor(topic: string, partition: number, offset: number) {
    this.topic = topic
    this.partition = partition
    this.position = offset
    this.#handed = offset
  }

  /** Records known to be readable and not handed out. */
  get lag(): number | undefined {
    return this.end === undefined || this.failed ? undefined : Math.max(0, this.end - this.#handed)
  }

  get takeable(): boolean {
    return !this.paused && (this.ready.length > 0 || this.#raw.length > 0)
  }

  /** Takes an answer without error: the position moves at once, the records are indexed by `index`. */
  accept(data: FetchPartitionData, committedOnly: boolean): void {
    this.failures = 0
    this.end = committedOnly ? data.lastStableOffset : data.highWatermark
    const records = data.records
    if (records === null || records.length === 0) return
    const kept = keepable(records)
    const from = this.position
    this.#advance(kept)
    const aborted = committedOnly ? (data.abortedTransactions ?? []) : undefined
    this.#raw.push({ records: kept, from, end: this.end, aborted })
    this.readyBytes += kept.length
  }

  /** Makes what was accepted ready to be handed out; damage becomes a failure of the partition. */
  index(): void {
    const raw = this.#raw
    this.#raw = []
    for (const one of raw) {
      if (this.failed) return
      try {
        this.ready.push(this.#batchOf(one))
      } catch (error) {
        this.position = one.from
        this.fail(asFetchError(error, this))
      }
    }
  }

  /** Hands out all that is ready. */
  take(): readonly Fetched[] {
    const { ready } = this
    const last = ready.at(-1)
    if (last?.kind === 'records') this.#handed = last.nextOffset
    this.ready = []
    this.readyBytes = 0
    return ready
  }

  fail(error: SluiceError): void {
    if (this.failed) return
    this.failed = true
    const { topic, partition, position: offset } = this
    this.ready.push({ kind: 'failed', topic, partition, offset, error })
  }

  #batchOf({ records, from, end, aborted }: Raw): Fetched {
    const { topic, partition } = this
    const options = { topic, partition, from, endOffset: end }
    return indexBatches([records], aborted === undefined ? options : { ...options, aborted })
  }

  /** Moves over whole batches by their headers alone, so that the next fetch can leave before these are decoded. */
  #advance(records: Bytes): void {
    let at = 0
    while (records.length - at >= HEADER_BYTES && headerProblem(records, at) === undefined) {
      const { size, lastOffset, leaderEpoch } = readHeader(records, at)
      if (size > records.length - at) return
      if (lastOffset >= this.position) this.position = lastOffset + 1
      this.positionEpoch = leaderEpoch
      at += size
    }
  }
}

interface Raw {
  readonly records: Bytes
  readonly from: number
  readonly end: number
  readonly aborted: readonly AbortedTransaction[] | undefined
}

function keepable(records: Bytes): Bytes {
  return records.length < records.buffer.byteLength * COPIED_BELOW ? Buffer.from(records) : records
}

/** A reader answers with errors of the table; anything else would be a bug, and must not end the process. */
function asFetchError(error: unknown, { topic, partition }: Reading): SluiceError {
  if (isSluiceError(error)) return error
  const place = `fetch of ${topic}-${partition}`
  return sluiceError('SLUICE_INTERNAL', { place, problem: problemOf(error) }, error)
}
