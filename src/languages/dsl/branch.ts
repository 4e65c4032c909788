/** The verbs branch and merge: their arms and inputs, and what they are called. */
import { branch, branchArm } from '../../engine/operators/branch.ts'
import type { FromRecord } from '../../engine/operators/callbacks.ts'
import { stepName } from '../../engine/topology/names.ts'
import type { SaidNames } from '../../engine/topology/kafka-streams/said.ts'
import { checkOptions } from './options.ts'
import { givenName, namePart } from './place.ts'
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

/** The streams given to merge, and the options that may come last. */
export function splitOptions<S extends object>(
  given: readonly (S | Named)[],
): readonly [streams: readonly S[], options: Named | undefined] {
  const last = given.at(-1)
  if (last === undefined || 'place' in last) return [given as readonly S[], undefined]
  checkOptions('merge', last)
  return [given.slice(0, -1) as readonly S[], last as Named]
}

/** Kafka Streams merges two at a time: what is merged first is named first. */
export function mergeName(
  { shop, node }: Place,
  places: readonly Place[],
  lineage: string,
  options: Named | undefined,
): string {
  const name = givenName(options, 'merge')
  let counted: string | undefined
  for (const { node: other } of places.slice(1))
    counted = shop.say({ verb: 'merge', from: counted ?? node, other, name })?.node
  return counted ?? name ?? shop.builder.freeName(stepName(lineage, 'merge'))
}
