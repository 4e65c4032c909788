/**
 * joinForeign and leftJoinForeign of two tables: each value of the left one names a key of the right one. Both stay where they
 * are partitioned: the left side subscribes to foreign keys through one internal topic, the right side answers through another.
 */
import type { BuildProcessor, ProcessorContext } from '../../core/processor.ts'
import type { Bytes, Change, FlowRecord } from '../../core/record.ts'
import type { Serde } from '../../core/serde.ts'
import { encodedBytes } from '../../core/serde.ts'
import type { TimestampedStore } from '../state/key-value.ts'
import type { StoreSpec, TopologyNode } from '../topology/node.ts'
import { throughTopic } from '../topology/through-topic.ts'
import { isAbsent } from './absent.ts'
import type { Emit } from './emit.ts'
import { dropLate } from './emit.ts'
import type { Joiner } from './join.ts'
import { hash128 } from './murmur3.ts'
import {
  combinedKeySerde,
  foreignPrefix,
  INSTRUCTION,
  responseSerde,
  subscriptionSerde,
} from './subscription.ts'
import type { CombinedKey, Instruction, Subscription, SubscriptionResponse } from './subscription.ts'
import { table } from './table.ts'
import type { TableSide } from './table-view.ts'

/** A table of the join with the serdes of what it sends. */
export interface ForeignSide extends TableSide {
  readonly key: Serde<unknown>
  readonly value: Serde<unknown>
}

export interface ForeignJoinParts {
  /** Of the result; topics and the store of subscriptions are named after it. */
  readonly name: string
  readonly kind: 'joinForeign' | 'leftJoinForeign'
  readonly left: ForeignSide
  readonly right: ForeignSide
  /** From a left value to the key of the right table; null = none. */
  readonly foreignKey: (value: unknown, key: unknown) => unknown
  readonly joiner: Joiner
  /** Of the result; kept only where somebody needs it, or `materialized`. */
  readonly store: StoreSpec
  readonly emit?: Emit | undefined
  readonly materialized?: boolean
  /** The partition of a key of the right table; default as Java. */
  readonly partitioner?: ((key: unknown, partitions: number) => number) | undefined
  /** Name of the store of subscriptions; default after the join. */
  readonly subscriptions?: string
  /** Names of the topics of questions and answers, without the application's; default after the join. */
  readonly topics?: readonly [questions: string, answers: string]
}

type Subscriptions = TimestampedStore<CombinedKey, Subscription>

/** In the order in which they must be added; the last is the table. */
export function joinForeign(parts: ForeignJoinParts): readonly TopologyNode[] {
  const { name, kind, left, right, store, emit, materialized = false } = parts
  const at = (step: string): string => `${name}-${step}`
  const [receive, match, update] = [
    at('subscription-receive'),
    at('subscription-join-foreign'),
    at('foreign-join-subscription'),
  ]
  const asked = { key: right.key, value: subscriptionSerde(left.key) }
  const answered = { key: left.key, value: responseSerde(right.value) }
  const subscriptions = subscriptionStore(parts, parts.subscriptions ?? at('subscription-store'))
  const resolver = at('subscription-response-resolver')
  return [
    sendNode(parts, at('subscription-registration-processor')),
    ...throughTopic(
      at('subscription-registration'),
      [at('subscription-registration-processor')],
      asked,
      partitionOfAsked(parts),
      parts.topics?.[0],
    ),
    receiveNode(receive, at('subscription-registration-source'), right, subscriptions),
    matchNode(match, receive, right),
    updateNode(update, subscriptions, right),
    ...throughTopic(
      at('subscription-response'),
      [match, update],
      answered,
      partitionOfAsker,
      parts.topics?.[1],
    ),
    resolveNode(parts, resolver, at('subscription-response-source')),
    { ...table({ name, parent: resolver, store, emit, materialized }), kind },
  ]
}

function subscriptionStore({ left, right }: ForeignJoinParts, name: string): StoreSpec {
  return {
    name,
    kind: 'timestamped',
    key: combinedKeySerde(right.key, left.key),
    value: subscriptionSerde(left.key),
    changelog: true,
    changelogHeaders: 'record',
  }
}

/** Keeps who asks for which key of the right table. */
function receiveNode(
  name: string,
  source: string,
  right: ForeignJoinParts['right'],
  subscriptions: StoreSpec,
): TopologyNode {
  return {
    name,
    kind: 'foreign-receive',
    parents: [source],
    reads: 'both',
    keeps: 'nothing',
    stores: [subscriptions],
    copartitions: [source, right.node],
    build: keepSubscription(subscriptions.name),
  }
}

/** Where the right table keeps the key that is asked for; without a key there is nothing to find, anywhere. */
function partitionOfAsked({
  partitioner,
}: ForeignJoinParts): ((record: FlowRecord, partitions: number) => number | undefined) | undefined {
  if (partitioner === undefined) return undefined
  return ({ key }, partitions) => (isAbsent(key) ? undefined : partitioner(key, partitions))
}

function partitionOfAsker(record: FlowRecord): number | undefined {
  return (record.value as SubscriptionResponse).primaryPartition
}

/** The left side: what a change of one of its values means for the foreign keys before and after. */
function sendNode({ kind, left, right, foreignKey }: ForeignJoinParts, name: string): TopologyNode {
  const instructions = kind === 'joinForeign' ? innerInstructions : leftInstructions
  const keyOf = (value: unknown, key: unknown): unknown => (isAbsent(value) ? null : foreignKey(value, key))
  return {
    name,
    kind: 'foreign-send',
    parents: [left.node],
    reads: 'both',
    keeps: 'nothing',
    changesKey: true,
    oldValues: 'demands',
    needsOldValues: [left.node],
    build: (context) => ({
      process: (record) => {
        const { newValue, oldValue } = record.value as Change<unknown>
        if (dropLate(context, record)) return
        if (isAbsent(newValue) && isAbsent(oldValue)) return
        const [after, before] = [keyOf(newValue, record.key), keyOf(oldValue, record.key)]
        const hash = isAbsent(newValue) ? null : hash128(encodedBytes(left.value.serialize(newValue)))
        const { key: primaryKey } = record
        const primaryPartition = context.task.partition
        if (kind === 'joinForeign' && isAbsent(after) && !isAbsent(newValue))
          context.drop(record, 'null foreign key in a join')
        for (const [key, instruction] of instructions(before, after, right.key))
          context.next(
            record.with<unknown, Subscription>(key, { instruction, hash, primaryKey, primaryPartition }),
          )
      },
    }),
  }
}

type Steps = readonly (readonly [foreignKey: unknown, instruction: Instruction])[]

function innerInstructions(before: unknown, after: unknown, keys: Serde<unknown>): Steps {
  if (isAbsent(after)) return isAbsent(before) ? [] : [[before, INSTRUCTION.deleteAndAnswer]]
  if (isAbsent(before) || sameKey(before, after, keys)) return [[after, INSTRUCTION.answerMatch]]
  return [
    [before, INSTRUCTION.deleteSilently],
    [after, INSTRUCTION.answerAlways],
  ]
}

/** Each change is answered, also one without a foreign key: only the answer makes the result. */
function leftInstructions(before: unknown, after: unknown, keys: Serde<unknown>): Steps {
  const ask = [after ?? null, INSTRUCTION.answerAlways] as const
  if (isAbsent(before) || (!isAbsent(after) && sameKey(before, after, keys))) return [ask]
  return [[before, INSTRUCTION.deleteSilently], ask]
}

function sameKey(a: unknown, b: unknown, keys: Serde<unknown>): boolean {
  return a === b || sameBytes(encodedBytes(keys.serialize(a)), encodedBytes(keys.serialize(b)))
}

function sameBytes(a: Bytes | null, b: Bytes | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0
}

function keepSubscription(storeName: string): BuildProcessor {
  return (context) => {
    const store = context.store<Subscriptions>(storeName)
    return {
      process: (record) => {
        const subscription = record.value as Subscription
        const { instruction, primaryKey } = subscription
        if (isAbsent(record.key)) {
          if (instruction === INSTRUCTION.answerAlways) context.next(record)
          else context.drop(record, 'null foreign key in a join')
          return
        }
        const key: CombinedKey = { foreignKey: record.key, primaryKey }
        if (instruction >= INSTRUCTION.answerAlways) store.put(key, subscription, record.timestamp, record)
        else store.delete(key, record)
        context.next(record)
      },
    }
  }
}

/** Answers a subscription with the right value there is now. */
function matchNode(name: string, parent: string, right: ForeignSide): TopologyNode {
  return {
    name,
    kind: 'foreign-match',
    parents: [parent],
    reads: 'both',
    keeps: 'nothing',
    connects: right.view.stores,
    build: (context) => {
      const lookup = right.view.open(context)
      return {
        process: (record) => {
          const { instruction, hash, primaryKey, primaryPartition } = record.value as Subscription
          if (instruction === INSTRUCTION.deleteSilently) return
          const held = isAbsent(record.key) ? undefined : lookup(record.key)
          if (instruction === INSTRUCTION.answerMatch && held === undefined) return
          const foreignValue =
            instruction === INSTRUCTION.deleteAndAnswer || held === undefined ? null : held.value
          const response: SubscriptionResponse = { hash, foreignValue, primaryPartition }
          const timestamp = Math.max(record.timestamp, held?.timestamp ?? -1)
          context.next(record.with(primaryKey, response).withTimestamp(timestamp))
        },
      }
    },
  }
}

/** Tells all subscribers of a right key its new value. */
function updateNode(name: string, subscriptions: StoreSpec, right: ForeignSide): TopologyNode {
  return {
    name,
    kind: 'foreign-update',
    parents: [right.node],
    reads: 'both',
    keeps: 'nothing',
    connects: [subscriptions.name],
    oldValues: 'demands',
    needsOldValues: [right.node],
    build: (context) => {
      const store = context.store<Subscriptions>(subscriptions.name)
      return {
        process: (record) => {
          if (dropLate(context, record)) return
          const { newValue: foreignValue } = record.value as Change<unknown>
          for (const [{ primaryKey }, { value }] of store.prefix(foreignPrefix(right.key, record.key))) {
            const { hash, primaryPartition } = value
            const response: SubscriptionResponse = { hash, foreignValue, primaryPartition }
            context.next(record.with(primaryKey, response))
          }
        },
      }
    },
  }
}

/** The left side again: joins what was answered, unless its value changed meanwhile. */
function resolveNode({ kind, left, joiner }: ForeignJoinParts, name: string, parent: string): TopologyNode {
  const joined = (value: unknown, foreignValue: unknown, key: unknown): unknown => {
    if (isAbsent(foreignValue) && (kind === 'joinForeign' || isAbsent(value))) return null
    return joiner(value, foreignValue, key)
  }
  return {
    name,
    kind: 'foreign-resolve',
    parents: [parent],
    reads: 'both',
    keeps: 'key',
    connects: left.view.stores,
    copartitions: [parent, left.node],
    build: (context: ProcessorContext) => {
      const lookup = left.view.open(context)
      return {
        process: (record) => {
          const { hash, foreignValue } = record.value as SubscriptionResponse
          const value = lookup(record.key)?.value ?? null
          const current = value === null ? null : hash128(encodedBytes(left.value.serialize(value)))
          if (!sameBytes(hash, current))
            return context.drop(record, 'answer to a left value that changed meanwhile')
          context.next(record.withValue(joined(value, foreignValue, record.key)))
        },
      }
    },
  }
}
