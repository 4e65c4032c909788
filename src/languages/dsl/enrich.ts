/** The verb enrich: names its node after the fields it fills and puts a joiner, if there is one, below it. */
import { enrich, withQuestion } from '../../engine/operators/enrich.ts'
import type { Answered } from '../../engine/operators/enrich.ts'
import { mapValues } from '../../engine/operators/map-values.ts'
import { stepName } from '../../engine/topology/names.ts'
import { enrichment } from '../../enrich/enrichment.ts'
import type { EnrichOptions } from '../../enrich/types.ts'
import { keySerde, namePart, stateNames, valueSerde } from './place.ts'
import type { Place } from './place.ts'
import type { EnrichVerbOptions } from './verb-options.ts'

/** Adds the nodes and answers with the place below them. @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN */
export function addEnrichment<K, V, A, R>(
  place: Place,
  sources: unknown,
  options: (EnrichOptions & EnrichVerbOptions<K, V, A, R>) | undefined,
): Place {
  const { name: _, key, value, join, ...asking } = options ?? {}
  const { builder } = place.shop
  const content = stepName(place.lineage, verbOf(sources))
  const said = { verb: 'enrich', from: place.node } as const
  const name = stateNames(place.shop, 'enrich', content, options, said).node
  const factory = enrichment(sources as never, asking)
  const codec = { key: keySerde(place, key, 'enrich'), value: valueSerde(place, value) }
  const at = { name, parent: place.node }
  if (join === undefined) {
    builder.add(enrich(at, factory, codec))
    return { ...place, node: name, key: key ?? place.key, value: undefined }
  }
  builder.add(enrich(at, withQuestion(factory), codec))
  const counted = place.shop.say({ verb: 'mapValues', from: name })
  const joined = counted?.node ?? builder.freeName(stepName(name, 'joined'))
  builder.add(mapValues({ name: joined, parent: name }, joinAnswer(join)))
  return { ...place, node: joined, key: key ?? place.key, value: undefined }
}

function joinAnswer<K, V, A, R>(
  join: (value: V, answer: A, key: K) => R,
): (answered: Answered, key: unknown) => R {
  return ({ value, answer }, key) => join(value as V, answer as A, key as K)
}

/** `enrich-profile`: the fields belong to the name, so that two enrichments of one stream differ by content. */
function verbOf(sources: unknown): string {
  if (typeof sources !== 'object' || sources === null) return 'enrich'
  const { call, name } = sources as { readonly call?: unknown; readonly name?: unknown }
  if (typeof call !== 'function') return ['enrich', ...Object.keys(sources).map(namePart)].join('-')
  return typeof name === 'string' ? `enrich-${namePart(name)}` : 'enrich'
}
