/**
 * What members of a group tell each other through the broker, inside Kafka's ConsumerProtocol messages, so that any tool can
 * list and describe the group. Foreign or damaged data is an error with a name, never a guess.
 */
import type { GroupTopology } from '../../../core/broker.ts'
import type { Bytes, TaskId, TopicPartition } from '../../../core/record.ts'
import { taskName } from '../../../core/record.ts'
import { problemOf, sluiceError } from '../../../core/errors.ts'
import {
  readConsumerProtocolAssignment,
  writeConsumerProtocolAssignment,
} from '../protocol/messages/consumer-protocol-assignment.ts'
import {
  readConsumerProtocolSubscription,
  writeConsumerProtocolSubscription,
} from '../protocol/messages/consumer-protocol-subscription.ts'
import { Reader } from '../protocol/reader.ts'
import { Writer } from '../protocol/writer.ts'

/** Version of ConsumerProtocolSubscription and -Assignment: topics, partitions and bytes of our own. Every broker and tool reads it. */
const CONSUMER_PROTOCOL = 0
/** Raised when older instances could not understand the data; part of the protocol's name, so that they never meet. */
export const USER_DATA_VERSION = 1

/** What a member says when it joins. */
export interface Subscription {
  readonly processId: string
  /** Where its process answers questions. */
  readonly endpoint?: string
  readonly topology: GroupTopology
  /** Active tasks it owns or was offered: nobody else may get them. */
  readonly owned: readonly TaskId[]
  readonly standby: readonly TaskId[]
  /** Tasks of which its process kept state. */
  readonly state: readonly TaskId[]
  readonly standbyReplicas: number
  /** The generation of the last assignment it got, and what was aimed at for it then; -1 and nothing for a new member. */
  readonly generation: number
  readonly target: readonly TaskId[]
  /** It asks all members to stop, for this reason. */
  readonly stop?: string
}

/** What the leader gives a member. */
export interface TaskAssignment {
  /** To be owned now. */
  readonly active: readonly TaskId[]
  readonly standby: readonly TaskId[]
  /** Aimed at for it, but still owned by others. */
  readonly pending: readonly TaskId[]
  /** A member asked all to stop, for this reason. */
  readonly stop?: string
}

export function encodeSubscription(subscription: Subscription): Bytes {
  const { owned, standby, state, target, topology, ...rest } = subscription
  const topics = [...new Set(topology.subtopologies.flatMap(({ sourceTopics }) => sourceTopics))].toSorted()
  const lists = { owned: names(owned), standby: names(standby), state: names(state), target: names(target) }
  const userData = asBytes({ ...rest, topology, ...lists })
  const output = new Writer()
  output.int16(CONSUMER_PROTOCOL)
  writeConsumerProtocolSubscription(output, { topics, userData }, CONSUMER_PROTOCOL)
  return output.bytesWritten()
}

/** @throws SLUICE_INTERNAL for what is not ours */
export function decodeSubscription(bytes: Bytes): Subscription {
  return guarded('subscription', () => {
    const input = new Reader(asBuffer(bytes))
    const said = parsed(readConsumerProtocolSubscription(input, input.int16()).userData)
    return {
      processId: String(said.processId),
      ...(typeof said.endpoint === 'string' ? { endpoint: said.endpoint } : {}),
      topology: said.topology as GroupTopology,
      standbyReplicas: Number(said.standbyReplicas),
      generation: Number(said.generation),
      owned: tasks(said.owned),
      standby: tasks(said.standby),
      state: tasks(said.state),
      target: tasks(said.target),
      ...(typeof said.stop === 'string' ? { stop: said.stop } : {}),
    }
  })
}

/** @param partitions source partitions of the active tasks, for tools that describe the group */
export function encodeAssignment(assignment: TaskAssignment, partitions: readonly TopicPartition[]): Bytes {
  const byTopic = [...Map.groupBy(partitions, ({ topic }) => topic)]
  const assignedPartitions = byTopic.map(([topic, list]) => ({
    topic,
    partitions: list.map(({ partition }) => partition),
  }))
  const { active, standby, pending } = assignment
  const lists = { active: names(active), standby: names(standby), pending: names(pending) }
  const userData = asBytes({ ...lists, stop: assignment.stop })
  const output = new Writer()
  output.int16(CONSUMER_PROTOCOL)
  writeConsumerProtocolAssignment(output, { assignedPartitions, userData }, CONSUMER_PROTOCOL)
  return output.bytesWritten()
}

/** @throws SLUICE_INTERNAL for what is not ours */
export function decodeAssignment(bytes: Bytes): TaskAssignment {
  return guarded('assignment', () => {
    const input = new Reader(asBuffer(bytes))
    const said = parsed(readConsumerProtocolAssignment(input, input.int16()).userData)
    const lists = { active: tasks(said.active), standby: tasks(said.standby), pending: tasks(said.pending) }
    return typeof said.stop === 'string' ? { ...lists, stop: said.stop } : lists
  })
}

function names(list: readonly TaskId[]): readonly string[] {
  return list.map(taskName)
}

function tasks(said: unknown): readonly TaskId[] {
  if (!Array.isArray(said)) throw new Error('a list of tasks is missing')
  return said.map((name) => {
    const [, subtopology, partition] = /^(\d+)_(\d+)$/.exec(String(name)) ?? []
    if (subtopology === undefined) throw new Error(`"${String(name)}" is no task`)
    return { subtopology: Number(subtopology), partition: Number(partition) }
  })
}

function guarded<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    const place = `${what} of a group member`
    throw sluiceError('SLUICE_INTERNAL', { place, problem: problemOf(error) }, error)
  }
}

function asBytes(said: unknown): Bytes {
  return Buffer.from(JSON.stringify(said), 'utf8')
}

function parsed(userData: Bytes | null): Record<string, unknown> {
  const said: unknown = JSON.parse(asBuffer(userData ?? Buffer.alloc(0)).toString('utf8'))
  if (said === null || typeof said !== 'object') throw new Error('it is no object')
  return said as Record<string, unknown>
}

function asBuffer(bytes: Bytes): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
