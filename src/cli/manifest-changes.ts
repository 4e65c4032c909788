/** What a new version of an application changes in what is kept of the last run: for `explain --against` and `dev`. */
import type { Manifest, ManifestStore, Plan } from '../engine/topology/plan.ts'

export interface ManifestChange {
  readonly what: 'store' | 'repartition' | 'reads' | 'writes'
  readonly change: 'added' | 'removed' | 'renamed' | 'retyped'
  readonly name: string
  /** Renamed: the name before. Retyped: the type before. */
  readonly before?: string
  readonly type?: string
}

/** The user's own topics of a version. */
export type Topics = Pick<Plan, 'sourceTopics' | 'sinkTopics'>

/** Stores and repartition topics, in the order of their names. Topics only where `topics` of the last version are known. */
export function manifestChanges(
  old: Manifest,
  next: Manifest,
  topics?: { readonly old: Topics; readonly next: Topics },
): readonly ManifestChange[] {
  const stores = changesOf('store', named(old.stores), named(next.stores))
  const repartitions = changesOf('repartition', repartitionsOf(old), repartitionsOf(next))
  if (topics === undefined) return [...stores, ...repartitions]
  return [
    ...stores,
    ...repartitions,
    ...changesOf('reads', plain(topics.old.sourceTopics), plain(topics.next.sourceTopics)),
    ...changesOf('writes', plain(topics.old.sinkTopics), plain(topics.next.sinkTopics)),
  ]
}

/** One line of text. */
export function changeLine({ what, change, name, before, type }: ManifestChange): string {
  const subject = { store: 'store', repartition: 'repartition topic', reads: 'reads', writes: 'writes' }[what]
  const of = type === undefined ? '' : ` (${type})`
  if (change === 'renamed')
    return `~ ${subject} ${before} is gone and ${name} is new, of the same type${of}: renamed?`
  if (change === 'retyped') return `! ${subject} ${name} changes type: ${before} to ${type}`
  return change === 'added' ? `+ ${subject} ${name}${of}` : `- ${subject} ${name}${of}`
}

/** Names with types. */
type Named = ReadonlyMap<string, string | undefined>

function named(stores: readonly ManifestStore[]): Named {
  return new Map(stores.map(({ name, kind, key, value }) => [name, `${kind}, ${key} to ${value}`]))
}

function repartitionsOf({ repartitions }: Manifest): Named {
  return new Map(repartitions.map(({ topic, key, value }) => [topic, `${key} to ${value}`]))
}

function plain(topics: readonly string[]): Named {
  return new Map(topics.map((topic) => [topic, undefined]))
}

function changesOf(what: ManifestChange['what'], old: Named, next: Named): readonly ManifestChange[] {
  const added = [...next].filter(([name]) => !old.has(name))
  const changes: ManifestChange[] = []
  for (const [name, type] of old) {
    const now = next.get(name)
    if (next.has(name)) {
      if (now !== type) changes.push({ what, change: 'retyped', name, before: type!, type: now! })
      continue
    }
    const at = type === undefined ? -1 : added.findIndex(([, candidate]) => candidate === type)
    const [renamed] = at < 0 ? [] : added.splice(at, 1)
    changes.push(
      renamed === undefined
        ? withType({ what, change: 'removed', name }, type)
        : withType({ what, change: 'renamed', name: renamed[0], before: name }, type),
    )
  }
  return [...changes, ...added.map(([name, type]) => withType({ what, change: 'added', name }, type))]
}

function withType(change: ManifestChange, type: string | undefined): ManifestChange {
  return type === undefined ? change : { ...change, type }
}
