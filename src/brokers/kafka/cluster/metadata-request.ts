/** What is asked of Metadata, and what is said where a topic is not in its answer. */
import { sluiceError } from '../../../core/errors.ts'
import type { SluiceError } from '../../../core/errors.ts'
import { nearestFirst } from '../../nearest.ts'
import type { MetadataRequestDraft } from '../protocol/messages/metadata.ts'

/** How many topics the message about a missing one names. */
const NAMES_SHOWN = 10

/** Asks about topics; null: all. A client never makes a topic by asking for it. */
export function metadataRequest(names: readonly string[] | null): MetadataRequestDraft {
  return {
    topics: names === null ? null : names.map((name) => ({ name })),
    allowAutoTopicCreation: false,
  }
}

/** @param names the topics there are, for the message */
export function missingTopic(topic: string, names: readonly string[]): SluiceError {
  const existing = nearestFirst(topic, names).slice(0, NAMES_SHOWN).join(', ') || '(none)'
  return sluiceError('SLUICE_TOPIC_MISSING', { topic, place: '', existing })
}

export function missingPartition(topic: string, partition: number, partitions: number): SluiceError {
  const place = `: the topic has ${partitions} partition(s)`
  return sluiceError('SLUICE_TOPIC_MISSING', { topic: `${topic}-${partition}`, place, existing: topic })
}
