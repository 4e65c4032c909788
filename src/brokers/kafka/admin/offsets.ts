/** Offsets of a partition's log: its start, its end as an isolation level shows it, and the first of a time. */
import type { Isolation } from '../../../core/broker.ts'
import type { Parts } from '../ask.ts'
import { askLeader } from '../ask.ts'
import { failure } from '../cluster/error-codes.ts'
import type { ListOffsetsResponse } from '../protocol/messages/list-offsets.ts'
import { listOffsetsApi } from '../protocol/messages/list-offsets.ts'

const LATEST = -1
const EARLIEST = -2

/** @throws SLUICE_TOPIC_MISSING */
export async function logOffset(
  parts: Parts,
  topic: string,
  partition: number,
  at: 'earliest' | 'latest' | number,
  isolation: Isolation,
): Promise<number> {
  const timestamp = at === 'earliest' ? EARLIEST : at === 'latest' ? LATEST : Math.max(0, at)
  const found = await ask(parts, topic, partition, timestamp, isolation)
  // No record is that young.
  return found < 0 ? ask(parts, topic, partition, LATEST, isolation) : found
}

async function ask(
  parts: Parts,
  topic: string,
  partition: number,
  timestamp: number,
  isolation: Isolation,
): Promise<number> {
  const response = await askLeader(parts, {
    topic,
    partition,
    purpose: 'metadata',
    api: listOffsetsApi,
    body: ({ epoch }) => ({
      replicaId: -1,
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      topics: [
        {
          name: topic,
          partitions: [{ partitionIndex: partition, currentLeaderEpoch: epoch, timestamp }],
        },
      ],
    }),
    codeOf: (answer) => only(answer).errorCode,
  })
  const { errorCode, offset } = only(response)
  if (errorCode !== 0) throw failure(errorCode, `ListOffsets of ${topic}-${partition}`)
  return offset
}

function only({ topics }: ListOffsetsResponse): { readonly errorCode: number; readonly offset: number } {
  return topics[0]?.partitions[0] ?? { errorCode: -1, offset: -1 }
}
