/** A plan for people: text in the layout of Kafka Streams' `describe()`, and a Mermaid flow chart. */
import type { GlobalSpec } from './node.ts'
import type { Plan, PlanNode, Subtopology } from './plan.ts'
import { ledgerName } from './names.ts'

/**
 * Sub-topologies with their sources, processors and sinks; internal topics without the application's prefix.
 * @example
 * import { defineApp, describePlan, json, string, topic } from 'sluice'
 *
 * const app = defineApp('copy', (flow) => {
 *   flow.stream(topic('a', { key: string, value: json() })).to(topic('b', { key: string, value: json() }))
 * })
 * console.log(describePlan(app.plan()))
 */
export function describe(plan: Plan): string {
  if (plan.counted !== undefined) return plan.counted.describe
  const short = shortener(plan)
  const blocks = plan.subtopologies.map((subtopology) => {
    const nodes = subtopology.nodes.map((node) => describeNode(node, short))
    return `Sub-topology: ${subtopology.id}\n${nodes.join('')}\n`
  })
  const globals = plan.globals.map((global, index) => describeGlobal(global, blocks.length + index))
  return `Topologies:\n   ${[...blocks, ...globals].join('  ')}`
}

function describeGlobal({ name, topic }: GlobalSpec, id: number): string {
  const source = `    Source: ${name}-source (topics: [${topic}])\n      --> ${name}\n`
  const table = `    Processor: ${name} (stores: [${name}])\n      --> none\n      <-- ${name}-source\n`
  return `Sub-topology: ${id} for global store (will not generate tasks)\n${source}${table}\n`
}

function shortener(plan: Plan): (topic: string) => string {
  const internal = new Set(plan.internalTopics.map((topic) => topic.name))
  const prefix = plan.application.length + 1
  return (topic) => (internal.has(topic) ? topic.slice(prefix) : topic)
}

function describeNode(node: PlanNode, short: (topic: string) => string): string {
  const to = `      --> ${node.children.join(', ') || 'none'}\n`
  const from = `      <-- ${node.parents.join(', ') || 'none'}\n`
  if (node.source !== undefined) {
    const { pattern, topics } = node.source
    const read = pattern === undefined ? `[${topics.map(short).join(', ')}]` : pattern.source
    return `    Source: ${node.name} (topics: ${read})\n${to}`
  }
  if (node.sink !== undefined) return `    Sink: ${node.name} (topic: ${short(node.sink.topic)})\n${from}`
  return `    Processor: ${node.name} (stores: [${storeNames(node).join(', ')}])\n${to}${from}`
}

function storeNames(node: PlanNode): readonly string[] {
  const own = (node.stores ?? []).map((store) => store.name)
  return [
    ...own,
    ...(node.connects ?? []),
    ...(node.globals ?? []),
    ...(node.asynchronous === true ? [ledgerName(node.name)] : []),
  ]
}

/** Topics as stadiums, stores as cylinders, asynchronous operators as hexagons. */
export function mermaid(plan: Plan): string {
  const ids = new Map<string, string>()
  const id = (thing: string): string => {
    const known = ids.get(thing)
    if (known !== undefined) return known
    const made = `n${ids.size}`
    ids.set(thing, made)
    return made
  }
  const topics = new Set<string>()
  const edges: string[] = []
  const groups = plan.subtopologies.map((subtopology) => drawSubtopology(subtopology, id, topics, edges))
  const whole = plan.globals.map(({ name, topic }) => {
    topics.add(topic)
    edges.push(`  ${id(`topic ${topic}`)} --> ${id(`store ${name}`)}`)
    return `  ${id(`store ${name}`)}[(${quote(name)})]`
  })
  const drawn = [...topics].map((topic) => `  ${id(`topic ${topic}`)}([${quote(topic)}])`)
  return ['flowchart LR', ...drawn, ...groups.flat(), ...whole, ...edges, ''].join('\n')
}

function drawSubtopology(
  subtopology: Subtopology,
  id: (thing: string) => string,
  topics: Set<string>,
  edges: string[],
): readonly string[] {
  const lines = [`  subgraph s${subtopology.id}["Sub-topology ${subtopology.id}"]`]
  for (const node of subtopology.nodes) {
    const self = id(`node ${node.name}`)
    const label = quote(node.name)
    lines.push(`    ${self}${node.asynchronous === true ? `{{${label}}}` : `[${label}]`}`)
    for (const child of node.children) edges.push(`  ${self} --> ${id(`node ${child}`)}`)
    for (const store of storeNames(node)) edges.push(`  ${self} -.- ${id(`store ${store}`)}`)
    for (const topic of node.source?.topics ?? []) {
      topics.add(topic)
      edges.push(`  ${id(`topic ${topic}`)} --> ${self}`)
    }
    if (node.sink === undefined) continue
    topics.add(node.sink.topic)
    edges.push(`  ${self} --> ${id(`topic ${node.sink.topic}`)}`)
  }
  for (const store of subtopology.stores)
    lines.push(`    ${id(`store ${store.name}`)}[(${quote(store.name)})]`)
  return [...lines, '  end']
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '#quot;')}"`
}
