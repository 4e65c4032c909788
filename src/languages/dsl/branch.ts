/** The verbs branch and merge: their arms and inputs, and what they are called. */
import type { Serde } from '../../core/serde.ts'
import { branch, branchArm } from '../../engine/operators/branch.ts'
import type { FromRecord } from '../../engine/operators/callbacks.ts'
import { merge } from '../../engine/operators/merge.ts'
import { mergedName, stepName } from '../../engine/topology/names.ts'
import type { SaidNames } from '../../engine/topology/kafka-streams/said.ts'
import { checkOptions } from './options.ts'
import { givenName, namePart, placeOf } from './place.ts'
import type { Place } from './place.ts'
import type { Stream } from './types.ts'
import type { BranchOptions, Named } from './verb-options.ts'

type Predicate = FromRecord<unknown, unknown, boolean>
type Options = BranchOptions<PropertyKey, boolean>

interface Arm {
  readonly name: string
  readonly lineage: string
  readonly node: string
  readonly when?: Predicate
}

/** Adds the branch with a node per arm and answers with the streams by arm. */
export function addBranches(
  place: Place,
  predicates: Readonly<Record<string, Predicate>>,
  options: Options | undefined,
): Readonly<Record<string, Stream<unknown, unknown>>> {
  checkOptions('branch', options)
  const { shop } = place
  const name = givenName(options, 'branch')
  const said = sayBranch(place, Object.keys(predicates), options)
  const from = name ?? place.lineage
  const arms = armNames(predicates, options).map((arm, index): Arm => {
    const [lineage, when] = [stepName(from, namePart(arm)), predicates[arm]]
    const node = said?.arms?.[index] ?? shop.builder.freeName(lineage)
    return { name: arm, lineage, node, ...(when && { when }) }
  })
  const splitter = said?.node ?? name ?? shop.builder.freeName(stepName(place.lineage, 'branch'))
  const branches = arms.map(({ node, when }) => (when === undefined ? { node } : { node, when }))
  const parent = shop.builder.add(branch({ name: splitter, parent: place.node }, branches)).name
  const streams = arms.map(({ name: arm, node, lineage }) => {
    shop.builder.add(branchArm({ name: node, parent }))
    return [arm, shop.stream({ ...place, node, lineage })] as const
  })
  return Object.freeze(Object.fromEntries(streams))
}

function armNames(predicates: object, options: Options | undefined): readonly string[] {
  return [...Object.keys(predicates), ...(options?.default === false ? [] : ['default'])]
}

function sayBranch(
  { shop, node: from }: Place,
  predicates: readonly string[],
  options: Options | undefined,
): SaidNames | undefined {
  const arms = predicates.map((arm, index) => ({ index: index + 1, as: options?.as?.[arm] }))
  const rest = options?.default === false ? [] : [{ index: 0, as: options?.as?.['default'] }]
  return shop.say({ verb: 'branch', from, name: givenName(options, 'branch'), arms: [...arms, ...rest] })
}

/**
 * Adds the node that merges and answers with the place below it. Kafka Streams merges two at a time: where names are its own, so do
 * we, and a name given is that of the last.
 * @param given streams, and options last if there are any
 */
export function addMerge(place: Place, given: readonly object[]): Place {
  const [streams, options] = splitOptions(given)
  const places = [place, ...streams.map((other) => placeOf(other, place.shop, 'merge'))]
  const name = givenName(options, 'merge')
  const { shop } = place
  const lineage = mergedName(places.map((one) => one.lineage))
  const key = common(places.map((one) => one.key))
  const value = common(places.map((one) => one.value))
  let node = place.node
  for (const { node: other } of places.slice(1)) {
    const last = other === places.at(-1)!.node
    const said = shop.say({ verb: 'merge', from: node, other, name: last ? name : undefined })
    if (said === undefined) break
    node = shop.builder.add(merge(said.node, [node, other])).name
  }
  if (node !== place.node) return { shop, node, lineage, key, value }
  const free = name ?? shop.builder.freeName(stepName(lineage, 'merge'))
  const parents = places.map((one) => one.node)
  return { shop, node: shop.builder.add(merge(free, parents)).name, lineage, key, value }
}

function splitOptions(
  given: readonly object[],
): readonly [streams: readonly object[], options: Named | undefined] {
  const last = given.at(-1)
  if (last === undefined || 'place' in last) return [given, undefined]
  checkOptions('merge', last)
  return [given.slice(0, -1), last]
}

/** The serde all parts of a merged stream agree on. */
function common(serdes: readonly (Serde<unknown> | undefined)[]): Serde<unknown> | undefined {
  const [first] = serdes
  return serdes.every((serde) => serde?.format === first?.format) ? first : undefined
}
