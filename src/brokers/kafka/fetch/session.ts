/**
 * The client's half of an incremental fetch session (KIP-227): a request names only what changed since the last one. No I/O.
 * Whoever loses an answer must call `reset`: the broker may know another state than we think.
 */

/** What is asked for one partition. */
export interface WantedPartition {
  readonly topic: string
  /** As metadata tells it. */
  readonly topicId: string
  readonly partition: number
  readonly fetchOffset: number
  readonly currentLeaderEpoch: number
  readonly partitionMaxBytes: number
}

export interface SessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly topics: readonly TopicPartitions<WantedPartition>[]
  readonly forgottenTopicsData: readonly TopicPartitions<number>[]
}

interface TopicPartitions<P> {
  readonly topic: string
  readonly topicId: string
  readonly partitions: readonly P[]
}

const NO_SESSION = 0
const FULL = 0
/** After the largest epoch comes 1: 0 would ask for a new session. */
const LARGEST_EPOCH = 0x7fff_ffff

export class FetchSession {
  #id = NO_SESSION
  #epoch = FULL
  /** What the broker knows of, by partition. */
  #known: ReadonlyMap<string, WantedPartition> = new Map()
  #asked: ReadonlyMap<string, WantedPartition> = new Map()

  /** The next request for exactly these partitions. */
  request(wanted: readonly WantedPartition[]): SessionRequest {
    this.#asked = new Map(wanted.map((partition) => [keyOf(partition), partition]))
    const full = this.#epoch === FULL
    const changed = full ? wanted : wanted.filter((one) => !same(one, this.#known.get(keyOf(one))))
    const gone = full ? [] : [...this.#known].filter(([key]) => !this.#asked.has(key)).map(([, one]) => one)
    return {
      sessionId: this.#id,
      sessionEpoch: this.#epoch,
      topics: byTopic(changed, (one) => one),
      forgottenTopicsData: byTopic(gone, ({ partition }) => partition),
    }
  }

  /** The request was answered without an error of the session. */
  answered(sessionId: number): void {
    this.#known = this.#asked
    if (sessionId === NO_SESSION) {
      // The broker keeps none for us (its cache is full): every request is a full one.
      this.reset()
      this.#id = NO_SESSION
      return
    }
    this.#id = sessionId
    this.#epoch = this.#epoch === LARGEST_EPOCH ? 1 : this.#epoch + 1
  }

  /** Starts anew; the old session is closed by the next request. */
  reset(): void {
    this.#epoch = FULL
    this.#known = new Map()
  }

  /** The broker does not know our session any more. */
  forgotten(): void {
    this.reset()
    this.#id = NO_SESSION
  }
}

function keyOf({ topicId, partition }: WantedPartition): string {
  return `${topicId}-${partition}`
}

function same(a: WantedPartition, b: WantedPartition | undefined): boolean {
  return (
    b !== undefined &&
    a.fetchOffset === b.fetchOffset &&
    a.currentLeaderEpoch === b.currentLeaderEpoch &&
    a.partitionMaxBytes === b.partitionMaxBytes
  )
}

function byTopic<P>(
  list: readonly WantedPartition[],
  as: (wanted: WantedPartition) => P,
): readonly TopicPartitions<P>[] {
  return [...Map.groupBy(list, ({ topicId }) => topicId).values()].map((partitions) => ({
    topic: partitions[0]!.topic,
    topicId: partitions[0]!.topicId,
    partitions: partitions.map(as),
  }))
}
