/**
 * Which sides of a record a source must decode, and where the bytes read may be written again. Parsing is most of the
 * work, so a side that nobody reads passes as bytes; decoding late is not an option, since a decode error half-way
 * would leave effects of a record that also went to the dead-letter topic.
 */
import type { LedgerCodec } from '../../core/processor.ts'
import type { SourceSpec, TopologyNode } from './node.ts'

type Side = 'key' | 'value'

export interface Sides {
  readonly key: boolean
  readonly value: boolean
}

export interface DecodeAnalysis {
  /** By source node. */
  readonly decode: ReadonlyMap<string, Sides>
  /** By sink or asynchronous node. */
  readonly reuse: ReadonlyMap<string, Sides>
}

/** @param nodes in topological order */
export function analyseDecoding(nodes: readonly TopologyNode[]): DecodeAnalysis {
  const key = analyseSide(nodes, 'key')
  const value = analyseSide(nodes, 'value')
  const sides = (name: string, what: 'decoded' | 'reusable'): Sides => ({
    key: key[what].has(name),
    value: value[what].has(name),
  })
  const sources = nodes.filter((node) => node.source !== undefined)
  const writers = nodes.filter((node) => written(node) !== undefined)
  return {
    decode: new Map(sources.map(({ name }) => [name, sides(name, 'decoded')])),
    reuse: new Map(writers.map(({ name }) => [name, sides(name, 'reusable')])),
  }
}

interface SideAnalysis {
  readonly decoded: ReadonlySet<string>
  readonly reusable: ReadonlySet<string>
}

function analyseSide(nodes: readonly TopologyNode[], side: Side): SideAnalysis {
  const decoded = new Set<string>()
  const reusable = new Set<string>()
  // The sources whose bytes of this side may reach the output of a node untouched.
  const origins = new Map<string, ReadonlyMap<string, SourceSpec>>()
  for (const node of nodes) {
    const inputs = new Map(node.parents.flatMap((parent) => [...(origins.get(parent) ?? [])]))
    const target = written(node)
    if (target !== undefined && allOf(inputs, side, target[side].format)) reusable.add(node.name)
    const serialises = node.sink !== undefined && !reusable.has(node.name)
    if (node.source?.timestamp !== undefined) decoded.add(node.name)
    if (covers(node.reads, side) || serialises) for (const source of inputs.keys()) decoded.add(source)
    if (node.source !== undefined) origins.set(node.name, new Map([[node.name, node.source]]))
    else origins.set(node.name, covers(node.keeps, side) ? inputs : new Map())
  }
  return { decoded, reusable }
}

function written(node: TopologyNode): LedgerCodec | undefined {
  return node.sink ?? node.ledger
}

function allOf(origins: ReadonlyMap<string, SourceSpec>, side: Side, format: string): boolean {
  if (origins.size === 0) return false
  for (const source of origins.values()) if (source[side].format !== format) return false
  return true
}

function covers(what: TopologyNode['reads'], side: Side): boolean {
  return what === 'both' || what === side
}
