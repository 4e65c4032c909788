/** The topics an application makes for itself, with the configs Java gives them, so that either may take over the other's. */
import { sluiceError } from '../../core/errors.ts'
import { checkTopicName } from '../../core/topic.ts'
import type { PartitionedInput } from './node.ts'
import type { InternalTopic, Subtopology } from './plan.ts'
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
      .flatMap((store) => store.changelogTopic ?? [])
      .map((topic) => changelog(topic, subtopology.id)),
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

function changelog(topic: string, subtopology: number): InternalTopic {
  return {
    name: checkTopicName(topic),
    role: 'changelog',
    config: CHANGELOG_CONFIG,
    writtenBy: [subtopology],
  }
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
