/** A plan as plain data, for programs: what `sluice explain --json` and the server's `/topology` give. */
import type { Plan } from './plan.ts'

/** The plan without its functions. */
export function planFacts(plan: Plan): object {
  return {
    application: plan.application,
    hash: plan.hash,
    reads: plan.sourceTopics,
    writes: plan.sinkTopics,
    subtopologies: plan.subtopologies.map(({ id, nodes, stores, sourceTopics }) => ({
      id,
      sourceTopics,
      nodes: nodes.map(({ name, kind, parents, children, source, sink, asynchronous, advice, note }) => {
        const [topics, writes] = [source?.topics, sink?.topic]
        return { name, kind, parents, children, topics, writes, asynchronous, advice, note }
      }),
      stores: stores.map(({ name, kind, changelogTopic, ledgerOf }) => ({
        name,
        kind,
        changelogTopic,
        ledgerOf,
      })),
    })),
    internalTopics: plan.internalTopics,
    deadLetters: `${plan.application}-dead-letters`,
    manifest: plan.manifest,
  }
}
