/** The verbs join, leftJoin and outerJoin of a stream, with a table or another stream: names, serdes and windows. */
import { milliseconds } from '../../core/duration.ts'
import type { Duration } from '../../core/duration.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Serde } from '../../core/serde.ts'
import { join, leftJoin } from '../../engine/operators/join.ts'
import type { Joiner } from '../../engine/operators/join.ts'
import { joinWithGrace, leftJoinWithGrace } from '../../engine/operators/join-grace.ts'
import { joinStreams } from '../../engine/operators/stream-join.ts'
import type { StreamJoinKind } from '../../engine/operators/stream-join.ts'
import type { JoinWindow } from '../../engine/operators/unmatched.ts'
import { stepName } from '../../engine/topology/names.ts'
import { checkOptions } from './options.ts'
import { keySerde, placeOf, repartitionOf, stateNames, valueSerde } from './place.ts'
import type { Place, TablePlace } from './place.ts'
import type { JoinOptions, StreamJoinOptions } from './verb-options.ts'

type Loose = JoinOptions<unknown, unknown> | StreamJoinOptions<unknown, unknown, unknown> | undefined

/** Adds the join and answers with the place below it. @throws SLUICE_TOPOLOGY, SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN */
export function addJoin(
  verb: StreamJoinKind,
  place: Place,
  other: unknown,
  joiner: Joiner,
  options: unknown,
): Place {
  const right = placeOf<Place | TablePlace>(other, place.shop, verb)
  const given = options as Loose
  if (!('view' in right))
    return addStreamJoin(verb, place, right, joiner, given as StreamJoinOptions<unknown, unknown, unknown>)
  if (verb !== 'outerJoin') return addTableJoin(verb, place, right, joiner, given)
  throw sluiceError('SLUICE_TOPOLOGY', {
    node: verb,
    problem: 'a stream was given a table for an outer join, where only the stream triggers',
    remedy: 'Use leftJoin, or make the table a stream first (toStream).',
  })
}

function addTableJoin(
  verb: 'join' | 'leftJoin',
  place: Place,
  right: TablePlace,
  joiner: Joiner,
  options: JoinOptions<unknown, unknown> | undefined,
): Place {
  checkOptions(verb, options)
  const said = { verb, from: place.node, table: right.node, grace: options?.grace !== undefined } as const
  const content = stepName(place.lineage, `${verb}-${right.lineage}`)
  const names = stateNames(place.shop, verb, content, options, said)
  const name = names.node
  const key = keySerde(place, options?.key, verb, right.key)
  const topic = repartitionOf(names, options?.name)
  const input = { parent: place.node, ...topic, key, value: valueSerde(place, options?.value) }
  const parts = { name, input, table: right }
  const [inner, grace] = [verb === 'join', options?.grace]
  if (grace === undefined) place.shop.builder.add(inner ? join(parts, joiner) : leftJoin(parts, joiner))
  else {
    checkVersioned(name, right)
    const waiting = { ...parts, graceMs: milliseconds(grace, `join ${name}: grace`) }
    place.shop.builder.add((inner ? joinWithGrace : leftJoinWithGrace)(waiting, joiner))
  }
  return { ...place, node: name, lineage: name, key, value: undefined }
}

function checkVersioned(node: string, { view, lineage }: TablePlace): void {
  if (view.openAsOf !== undefined) return
  throw sluiceError('SLUICE_TOPOLOGY', {
    node,
    problem: `it has a grace, but the table "${lineage}" only knows its last values`,
    remedy: "Make the table versioned, for instance { versioned: '1h' }, or leave the grace out.",
  })
}

function addStreamJoin(
  kind: StreamJoinKind,
  place: Place,
  right: Place,
  joiner: Joiner,
  options: StreamJoinOptions<unknown, unknown, unknown> | undefined,
): Place {
  checkOptions('streamJoin', options)
  const said = { verb: 'streamJoin', kind: KINDS[kind], from: place.node, other: right.node } as const
  const content = stepName(place.lineage, `${kind}-${right.lineage}`)
  const names = stateNames(place.shop, kind, content, options, said)
  const name = names.node
  const key = keySerde(place, options?.key, kind, right.key)
  const side = (at: Place, suffix: string, value: Serde<unknown> | undefined, index: 0 | 1) => ({
    parent: at.node,
    ...repartitionOf(
      { ...names, node: `${name}-${suffix}` },
      options?.name && `${options.name}-${suffix}`,
      index,
    ),
    key,
    value: valueSerde(at, value),
  })
  const nodes = joinStreams({
    name,
    kind,
    left: side(place, 'left', options?.value, 0),
    right: side(right, 'right', options?.otherValue, 1),
    window: windowOf(name, options),
    joiner,
    changelog: options?.changelog ?? true,
    ...(names.said?.stores && { stores: names.said.stores }),
  })
  for (const node of nodes) place.shop.builder.add(node)
  return { ...place, node: name, lineage: name, key, value: undefined }
}

const KINDS = { join: 'inner', leftJoin: 'left', outerJoin: 'outer' } as const

/** @throws SLUICE_CONFIG_INVALID without a window, or with one that ends before it begins */
function windowOf(
  name: string,
  options: StreamJoinOptions<unknown, unknown, unknown> | undefined,
): JoinWindow {
  const { within, grace = 0 } = options ?? {}
  const at = (part: string): string => `join ${name}: ${part}`
  const symmetric = typeof within !== 'object' || within === null
  // The check below says what is missing.
  const beforeMs = signed(symmetric ? within! : within.before, at('within'))
  const afterMs = symmetric ? beforeMs : signed(within.after, at('within'))
  if (beforeMs + afterMs < 0) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: at('within'),
      expected: 'a window that does not end before it begins (before + after >= 0)',
      came: `${beforeMs} ms before, ${afterMs} ms after`,
    })
  }
  return { beforeMs, afterMs, graceMs: milliseconds(grace, at('grace')) }
}

/** A window may lie wholly before or after: `{ before: '-3s', after: '10s' }`. */
function signed(duration: Duration, place: string): number {
  if (typeof duration === 'number') return Math.sign(duration) * milliseconds(Math.abs(duration), place)
  const negative = typeof duration === 'string' && duration.startsWith('-')
  return negative ? -milliseconds(duration.slice(1) as Duration, place) : milliseconds(duration, place)
}
