/**
 * Reads partitions ahead: two long polls per leader, so that what is added or resumed does not wait behind one, and the next
 * poll leaves before the last answer is decoded. Nothing of a partition that was removed or moved is handed out.
 *
 * A pump, run in a turn of its own whenever something changed: 1. partitions that want records and are in no poll, by leader
 * 2. each leader's free lane takes all of its own 3. its answer moves positions, 4. the pump runs, 5. records are indexed.
 */
import type { Fetched, Fetcher, FetcherOptions } from '../../../core/broker.ts'
import type { Timer } from '../../../core/clock.ts'
import { partitionId } from '../../../core/record.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { isSluiceError, problemOf, sluiceError } from '../../../core/errors.ts'
import { Arrival } from '../../arrival.ts'
import type { Parts } from '../ask.ts'
import { Code } from '../codes.ts'
import type { Leader } from '../cluster/cluster.ts'
import { errorKind, errorName, failure } from '../cluster/error-codes.ts'
import type { FetchPartitionData } from '../protocol/messages/fetch.ts'
import type { Answers, Asked } from './lane.ts'
import { Lane, isPassing } from './lane.ts'
import { Reading } from './reading.ts'
import { endOfEpoch } from './truncation.ts'

const DEFAULT_PARTITION_BYTES = 4 * 1024 * 1024
/** Of one partition in one answer; a larger batch comes alone. */
const PIECE_BYTES = 1024 * 1024
/** Bytes handed out by one `take`, so that a turn of the loop stays short. */
const TAKE_BYTES = 2 * 1024 * 1024
/** The main lane polls long; the other one shortly, so that its partitions soon join the main one. */
const POLLS_MS = [500, 100] as const
const FIRST_PAUSE_MS = 10
const LONGEST_PAUSE_MS = 1000

/** What a fetcher asks of the administration. */
export interface FetchServices {
  readonly parts: Parts
  missing(topic: string): Promise<SluiceError>
  outOfRange(topic: string, partition: number, offset: number): Promise<SluiceError>
}

export class KafkaFetcher implements Fetcher {
  readonly #services: FetchServices
  readonly #name: string
  readonly #committedOnly: boolean
  readonly #maxPartitionBytes: number
  readonly #readings = new Map<string, Reading>()
  readonly #lanes = new Map<number, readonly Lane[]>()
  #pumping = false
  #later: Timer | undefined
  readonly #arrival: Arrival
  #closed = false

  /** @param name tells its connections from those of other fetchers */
  constructor(services: FetchServices, name: string, options: FetcherOptions) {
    this.#services = services
    this.#arrival = new Arrival(services.parts.clock)
    this.#name = name
    this.#committedOnly = options.isolation === 'read_committed'
    this.#maxPartitionBytes = options.maxPartitionBytes ?? DEFAULT_PARTITION_BYTES
  }

  add(topic: string, partition: number, offset: number): void {
    if (this.#closed) throw sluiceError('SLUICE_CLOSED', { what: 'the fetcher' })
    const key = partitionId(topic, partition)
    const reading = new Reading(topic, partition, offset)
    reading.paused = this.#readings.get(key)?.paused ?? false
    this.#readings.delete(key)
    this.#readings.set(key, reading)
    this.#pump()
  }

  remove(topic: string, partition: number): void {
    this.#readings.delete(partitionId(topic, partition))
  }

  pause(topic: string, partition: number): void {
    const reading = this.#readings.get(partitionId(topic, partition))
    if (reading !== undefined) reading.paused = true
  }

  resume(topic: string, partition: number): void {
    const reading = this.#readings.get(partitionId(topic, partition))
    if (reading === undefined) return
    reading.paused = false
    this.#more()
    this.#pump()
  }

  take(): readonly Fetched[] {
    const taken: Fetched[] = []
    let left = TAKE_BYTES
    for (const [key, reading] of Array.from(this.#readings)) {
      if (left <= 0) break
      if (!reading.takeable) continue
      left -= reading.readyBytes
      taken.push(...reading.take())
      // Who was served goes to the end of the line, so that a full partition starves nobody.
      this.#readings.delete(key)
      this.#readings.set(key, reading)
    }
    if (taken.length > 0) this.#pump()
    return taken
  }

  lag(topic: string, partition: number): number | undefined {
    return this.#readings.get(partitionId(topic, partition))?.lag
  }

  arrived(timeoutMs: number): Promise<void> {
    if (this.#closed || this.#anything()) return Promise.resolve()
    return this.#arrival.wait(timeoutMs)
  }

  wake(): void {
    this.#arrival.wake()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#readings.clear()
    this.#later?.cancel()
    this.wake()
    const lanes = [...this.#lanes.values()].flat()
    for (const purpose of new Set(lanes.map((lane) => lane.purpose)))
      this.#services.parts.cluster.release(purpose)
  }

  #anything(): boolean {
    for (const reading of this.#readings.values()) if (reading.takeable) return true
    return false
  }

  #more(): void {
    if (this.#arrival.awaited && this.#anything()) this.wake()
  }

  /** In a turn of its own, so that partitions added one after the other share a request. */
  #pump(): void {
    if (this.#pumping || this.#closed) return
    this.#pumping = true
    this.#services.parts.clock.setTimer(0, () => {
      this.#pumping = false
      if (!this.#closed) this.#pumpNow()
    })
  }

  #pumpNow(): void {
    const now = this.#services.parts.clock.monotonic()
    let next = Infinity
    const byBroker = new Map<number, Asked[]>()
    for (const reading of this.#readings.values()) {
      if (reading.busy || reading.failed || reading.paused) continue
      if (reading.readyBytes >= this.#maxPartitionBytes) continue
      if (reading.notBefore > now) next = Math.min(next, reading.notBefore)
      else this.#prepare(reading, byBroker)
    }
    for (const [broker, asked] of byBroker) this.#poll(broker, asked)
    this.#later?.cancel()
    if (next < Infinity) this.#later = this.#services.parts.clock.setTimer(next - now, () => this.#pump())
  }

  #prepare(reading: Reading, byBroker: Map<number, Asked[]>): void {
    const { topic, partition } = reading
    const leader = this.#services.parts.cluster.leaderNow(topic, partition)
    if (leader === undefined) return this.#beside(reading, () => this.#locate(reading))
    if (reading.checkedEpoch < leader.epoch && reading.positionEpoch >= 0 && reading.checkedEpoch >= 0)
      return this.#beside(reading, () => this.#check(reading, leader))
    reading.checkedEpoch = leader.epoch
    reading.topicId ??= leader.topicId
    if (reading.topicId !== leader.topicId)
      return this.#beside(reading, async () => reading.fail(await this.#services.missing(topic)))
    const wanted = {
      topic,
      topicId: leader.topicId,
      partition,
      fetchOffset: reading.position,
      currentLeaderEpoch: leader.epoch,
      partitionMaxBytes: Math.min(PIECE_BYTES, this.#maxPartitionBytes),
    }
    const list = byBroker.get(leader.brokerId)
    if (list === undefined) byBroker.set(leader.brokerId, [{ reading, wanted }])
    else list.push({ reading, wanted })
  }

  #poll(broker: number, asked: readonly Asked[]): void {
    const lane = this.#lanesOf(broker).find(({ busy }) => !busy)
    if (lane === undefined) return
    lane.busy = true
    for (const { reading } of asked) reading.busy = true
    // In the same turn as what the answer does to positions: in between they would be asked for again.
    const free = (): void => {
      lane.busy = false
      for (const { reading } of asked) reading.busy = false
    }
    lane.poll(asked).then(
      (answers) => {
        free()
        this.#answered(answers)
      },
      (error: unknown) => {
        free()
        this.#unanswered(asked, error)
      },
    )
  }

  #lanesOf(broker: number): readonly Lane[] {
    const known = this.#lanes.get(broker)
    if (known !== undefined) return known
    const lanes = POLLS_MS.map((pollMs, i) => {
      const purpose = `fetch-${this.#name}-${i}` as const
      return new Lane(this.#services.parts, { broker, purpose, pollMs, committedOnly: this.#committedOnly })
    })
    this.#lanes.set(broker, lanes)
    return lanes
  }

  #answered(answers: Answers): void {
    if (this.#closed) return
    for (const [reading, data] of answers) if (this.#alive(reading)) this.#accept(reading, data)
    // The next requests leave first: the broker gathers while we decode.
    this.#pumpNow()
    for (const reading of answers.keys()) reading.index()
    this.#more()
  }

  #unanswered(asked: readonly Asked[], error: unknown): void {
    if (this.#closed) return
    const { cluster, log } = this.#services.parts
    const passing = isPassing(error)
    if (passing) log.debug({ problem: error.message }, 'a fetch is repeated')
    for (const { reading } of asked) {
      if (!this.#alive(reading)) continue
      if (!passing) reading.fail(asFetchError(error, reading))
      else this.#pauseAfterFailure(reading)
      cluster.moved(reading.topic, reading.partition)
    }
    this.#more()
    this.#pump()
  }

  #accept(reading: Reading, data: FetchPartitionData): void {
    const { topic, partition, position } = reading
    const code = data.errorCode
    if (code === 0) return reading.accept(data, this.#committedOnly)
    if (code === Code.OFFSET_OUT_OF_RANGE) return this.#beside(reading, () => this.#outside(reading))
    if (code === Code.CORRUPT_MESSAGE) {
      const details = { topic, partition, offset: position, problem: 'the broker finds it damaged' }
      return reading.fail(sluiceError('SLUICE_CORRUPT_BATCH', details))
    }
    const kind = errorKind(code)
    if (kind === 'metadata') this.#services.parts.cluster.moved(topic, partition)
    else if (kind !== 'retriable')
      return reading.fail(failure(code, `Fetch of ${topic}-${partition}`, errorName(code)))
    this.#pauseAfterFailure(reading)
  }

  #pauseAfterFailure(reading: Reading): void {
    const { clock, random } = this.#services.parts
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** reading.failures++)
    reading.notBefore = clock.monotonic() + pause * (0.8 + 0.4 * random.next())
  }

  /** Finds something out about one partition, which is in no poll meanwhile. */
  #beside(reading: Reading, find: () => Promise<void>): void {
    reading.busy = true
    find()
      .catch((error: unknown) => {
        if (isPassing(error)) this.#pauseAfterFailure(reading)
        else reading.fail(asFetchError(error, reading))
      })
      .finally(() => {
        reading.busy = false
        if (this.#closed || !this.#alive(reading)) return
        this.#more()
        this.#pump()
      })
  }

  async #locate({ topic, partition }: Reading): Promise<void> {
    try {
      await this.#services.parts.cluster.leader(topic, partition)
    } catch (error) {
      throw isSluiceError(error, 'SLUICE_TOPIC_MISSING') ? await this.#services.missing(topic) : error
    }
  }

  /** The leader finds the position outside its log; a moment later it may be inside. */
  async #outside(reading: Reading): Promise<void> {
    const { topic, partition, position } = reading
    const error = await this.#services.outOfRange(topic, partition, position)
    const { start, end } = error.details
    if (position < Number(start) || position > Number(end)) reading.fail(error)
    else this.#pauseAfterFailure(reading)
  }

  /** Another leader: was what we read before kept? */
  async #check(reading: Reading, { epoch }: Leader): Promise<void> {
    const { topic, partition, position, positionEpoch } = reading
    const end = await endOfEpoch(this.#services.parts, topic, partition, positionEpoch)
    if (end !== undefined && end < position)
      return reading.fail(await this.#services.outOfRange(topic, partition, position))
    reading.checkedEpoch = epoch
  }

  #alive(reading: Reading): boolean {
    return this.#readings.get(partitionId(reading.topic, reading.partition)) === reading
  }
}

/** A fetcher answers with errors of the table; anything else would be a bug, and must not end the process. */
function asFetchError(error: unknown, { topic, partition }: Reading): SluiceError {
  if (isSluiceError(error)) return error
  const place = `fetch of ${topic}-${partition}`
  return sluiceError('SLUICE_INTERNAL', { place, problem: problemOf(error) }, error)
}
