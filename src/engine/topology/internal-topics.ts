/** The topics an application makes for itself, with the configs Java gives them, so that either may take over the other's. */
import { sluiceError } from '../../core/errors.ts'
import { checkTopicName } from '../../core/topic.ts'
import type { PartitionedInput, StoreSpec } from './node.ts'
import type { InternalTopic, PlanStore, Subtopology } from './plan.ts'
import { repartitionTopic } from './names.ts'

/** Repartition topics are purged behind the committed offset; 50 MiB segments let the broker do so early. */
const REPARTITION_CONFIG = Object.freeze({
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'CreateTime',
  'retention.ms': '-1',
  'segment.bytes': '52428800',
})

const CHANGELOG_CONFIG = Object.freeze({
  'cleanup.policy': 'compact',
  'message.timestamp.type': 'CreateTime',
})

/** Changelogs keep windows and versions this much longer than their stores, since brokers go by wall clock. */
const ADDITIONAL_RETENTION_MS = 86_400_000

/** @throws SLUICE_TOPIC_INVALID, SLUICE_TOPOLOGY when a topic of the user has the name of an internal one */
export function internalTopics(
  application: string,
  subtopologies: readonly Subtopology[],
): readonly InternalTopic[] {
  const nodes = subtopologies.flatMap((subtopology) => subtopology.nodes)
  const inputs = new Map(
    nodes
      .flatMap((node) => node.partitioned ?? [])
      .map((input) => [repartitionTopic(application, input.name), input]),
  )
  const repartitions = nodes
    .filter((node) => node.source?.internal === true)
    .flatMap((node) => node.source?.topics ?? [])
    .map((topic) => repartition(topic, inputs.get(topic), subtopologies))
  const changelogs = subtopologies.flatMap((subtopology) =>
    subtopology.stores
      .filter((store) => store.sourceChangelog === undefined)
      .flatMap((store) => changelog(store, subtopology.id)),
  )
  const topics = [...repartitions, ...changelogs]
  checkAgainstUser(topics, subtopologies)
  return Object.freeze(topics)
}

function repartition(
  topic: string,
  input: PartitionedInput | undefined,
  subtopologies: readonly Subtopology[],
): InternalTopic {
  const writers = subtopologies.filter(({ nodes }) => nodes.some((node) => node.sink?.topic === topic))
  return {
    name: checkTopicName(topic),
    role: 'repartition',
    config: REPARTITION_CONFIG,
    writtenBy: writers.map(({ id }) => id),
    ...(input?.partitions === undefined ? {} : { partitions: input.partitions }),
  }
}

function changelog(store: PlanStore, subtopology: number): readonly InternalTopic[] {
  if (store.changelogTopic === undefined) return []
  const name = checkTopicName(store.changelogTopic)
  return [{ name, role: 'changelog', config: changelogConfig(store), writtenBy: [subtopology] }]
}

/** Windows are deleted by age as well as compacted; where duplicates stand side by side there is nothing to compact. */
function changelogConfig({
  kind,
  retentionMs = 0,
  retainDuplicates,
}: StoreSpec): Readonly<Record<string, string>> {
  const kept = longOf(retentionMs + ADDITIONAL_RETENTION_MS)
  switch (kind) {
    case 'key-value':
    case 'timestamped':
      return CHANGELOG_CONFIG
    case 'versioned':
      return { ...CHANGELOG_CONFIG, 'min.compaction.lag.ms': kept }
    case 'window':
    case 'timestamped-window':
    case 'session': {
      const policy = retainDuplicates === true ? 'delete' : 'compact,delete'
      return { ...CHANGELOG_CONFIG, 'cleanup.policy': policy, 'retention.ms': kept }
    }
  }
}

/** What is kept for ever has Java's largest long as its time. */
function longOf(ms: number): string {
  return Number.isSafeInteger(ms) ? String(ms) : '9223372036854775807'
}

/** A user's topic under an internal name would mix two kinds of records in one log. */
function checkAgainstUser(topics: readonly InternalTopic[], subtopologies: readonly Subtopology[]): void {
  const names = new Set(topics.map((topic) => topic.name))
  for (const node of subtopologies.flatMap((subtopology) => subtopology.nodes)) {
    const used = node.source ?? node.sink
    if (used === undefined || used.internal === true) continue
    const clash = ('topics' in used ? used.topics : [used.topic]).find((topic) => names.has(topic))
    if (clash === undefined) continue
    throw sluiceError('SLUICE_TOPOLOGY', {
      node: node.name,
      problem: `the topic "${clash}" is used both by you and as an internal topic of the application`,
      remedy: 'Rename the store or operator it belongs to, or use another topic.',
    })
  }
}
