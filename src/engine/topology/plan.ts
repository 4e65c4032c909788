/** The compiled plan: what all languages produce and the runtime executes. Frozen; equal plans have equal hashes. */
import type { GroupTopology, TopicSpec } from '../../core/broker.ts'
import type { GlobalSpec, StoreSpec, TopologyNode } from './node.ts'

export interface Plan {
  readonly application: string
  readonly subtopologies: readonly Subtopology[]
  /** Tables that every instance reads whole before its first task opens. */
  readonly globals: readonly GlobalSpec[]
  /** Topics read that are not ours, those of global tables among them: must exist. */
  readonly sourceTopics: readonly string[]
  /** Topics written by sinks that are not ours: must exist (the embedded broker creates them by option). */
  readonly sinkTopics: readonly string[]
  /** Repartition topics and changelogs with full names; partition counts are resolved at start against the broker. */
  readonly internalTopics: readonly InternalTopic[]
  /** Sets of topics that must have equal partition counts. */
  readonly copartition: readonly CopartitionGroup[]
  /** Stable text of stores, types and names; kept with the application and compared at the next start. */
  readonly manifest: Manifest
  /** Where names are Kafka Streams'. */
  readonly counted?: CountedPlan
  /** Short hash over structure and names (not over functions). */
  readonly hash: string
}

/** What Kafka Streams would say of its own topology. */
export interface CountedPlan {
  /** The text of `Topology.describe()`. */
  readonly describe: string
  /** As it takes them; `copartition` of the plan is what is checked. */
  readonly copartition: readonly (readonly string[])[]
}

/** Connected nodes that run in one task. */
export interface Subtopology {
  readonly id: number
  /** In topological order: parents before children. */
  readonly nodes: readonly PlanNode[]
  readonly stores: readonly PlanStore[]
  readonly sourceTopics: readonly string[]
}

export interface PlanNode extends TopologyNode {
  /** In the order in which they were added. */
  readonly children: readonly string[]
  /**
   * Sources only: whether any node below reads the key or value before it is replaced. A side that is not decoded holds
   * its bytes instead of a value (null stays null), so that null checks work on either; nobody looks inside it.
   */
  readonly decode?: { readonly key: boolean; readonly value: boolean }
  /**
   * Sinks and asynchronous nodes: the bytes read may be written (to the topic, to the ledger) again where nobody changed
   * them: equal formats on every path from a source. Where it is false the record's memo of bytes must not be used.
   */
  readonly reuse?: { readonly key: boolean; readonly value: boolean }
}

export interface PlanStore extends StoreSpec {
  readonly subtopology: number
  /** Full name of the changelog topic, absent without one. */
  readonly changelogTopic?: string
  /** The node whose ledger this is. */
  readonly ledgerOf?: string
}

export interface InternalTopic extends Omit<TopicSpec, 'partitions'> {
  readonly role: 'repartition' | 'changelog'
  /** Repartition: fixed count when given. */
  readonly partitions?: number
  /** Repartition: sub-topologies that write it (its default count is the largest of their task counts). Changelog: its own. */
  readonly writtenBy: readonly number[]
}

export interface CopartitionGroup {
  readonly node: string
  readonly topics: readonly string[]
}

export interface Manifest {
  readonly version: 1
  readonly application: string
  readonly stores: readonly ManifestStore[]
  readonly repartitions: readonly { readonly topic: string; readonly key: string; readonly value: string }[]
}

export interface ManifestStore {
  readonly name: string
  readonly kind: string
  readonly key: string
  readonly value: string
  readonly changelog?: string
  /** Of windows, sessions and versions; it may change between starts, what it was is shown. */
  readonly retentionMs?: number
}

/** What a group member tells the broker about a plan. */
export function groupTopology(plan: Plan): GroupTopology {
  return {
    subtopologies: plan.subtopologies.map((subtopology) => ({
      id: subtopology.id,
      sourceTopics: subtopology.sourceTopics,
      changelogTopics: subtopology.stores.flatMap((store) =>
        store.changelogTopic === undefined ? [] : [store.changelogTopic],
      ),
    })),
  }
}
