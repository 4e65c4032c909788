/**
 * What an application keeps about its state, and the comparison with what it kept last time: state that no longer fits
 * must stop the start, not be lost silently.
 */
import { sluiceError } from '../../core/errors.ts'
import type { SluiceError } from '../../core/errors.ts'
import { changelogTopic } from './names.ts'
import type { Manifest, ManifestStore, Subtopology } from './plan.ts'

export function makeManifest(application: string, subtopologies: readonly Subtopology[]): Manifest {
  const stores = subtopologies.flatMap((subtopology) => subtopology.stores)
  const nodes = subtopologies.flatMap((subtopology) => subtopology.nodes)
  const internal = nodes.flatMap(({ source }) => (source?.internal === true ? [source] : []))
  return Object.freeze({
    version: 1,
    application,
    stores: byName(
      stores.map((store) => ({
        name: store.name,
        kind: store.ledgerOf === undefined ? store.kind : 'ledger',
        key: store.key.format,
        value: store.value.format,
        ...(store.changelogTopic === undefined ? {} : { changelog: store.changelogTopic }),
        ...(store.retentionMs === undefined ? {} : { retentionMs: store.retentionMs }),
      })),
      (store) => store.name,
    ),
    repartitions: byName(
      internal.map(({ topics, key, value }) => ({ topic: topics[0]!, key: key.format, value: value.format })),
      (repartition) => repartition.topic,
    ),
  })
}

function byName<T>(items: readonly T[], name: (item: T) => string): readonly T[] {
  return Object.freeze(items.toSorted((a, b) => (name(a) < name(b) ? -1 : 1)))
}

/**
 * SLUICE_STATE_INCOMPATIBLE when state kept by `old` would be lost or misread by `next`: a store or repartition topic that
 * vanished, was renamed or changed type. New ones are fine. `undefined` when everything fits.
 */
export function compareManifest(old: Manifest, next: Manifest): SluiceError | undefined {
  const changes = [
    ...compareStores(old.stores, next.stores, next.application),
    ...compareRepartitions(old, next),
  ]
  if (changes.length === 0) return undefined
  return sluiceError('SLUICE_STATE_INCOMPATIBLE', {
    application: next.application,
    diff: changes.map((change) => `  ${change.line}`).join('\n'),
    remedy: [...new Set(changes.map((change) => change.remedy))].join(' '),
  })
}

interface StateChange {
  readonly line: string
  readonly remedy: string
}

const START_AFRESH =
  'To give the old state up, reset the application (`sluice reset`), or single stores (`sluice reset --store`).'

function compareStores(
  old: readonly ManifestStore[],
  next: readonly ManifestStore[],
  application: string,
): StateChange[] {
  const known = new Set(old.map((store) => store.name))
  const added = next.filter((store) => !known.has(store.name))
  return old.flatMap((store): StateChange[] => {
    const now = next.find((candidate) => candidate.name === store.name)
    if (now !== undefined) return [...retyped(store, now), ...movedChangelog(store, now, application)]
    const at = added.findIndex((candidate) => typeOf(candidate) === typeOf(store))
    const renamed = at < 0 ? undefined : added.splice(at, 1)[0]
    return [renamed === undefined ? vanished(store) : renamedTo(store, renamed)]
  })
}

function retyped(store: ManifestStore, now: ManifestStore): StateChange[] {
  if (typeOf(store) === typeOf(now)) return []
  return [
    {
      line: `store "${store.name}" changed type: ${typeOf(store)} → ${typeOf(now)}`,
      remedy: `Give the new type a store of its own with the option \`name\`. ${START_AFRESH}`,
    },
  ]
}

/** What a source topic knew of a store, a changelog of its own that begins empty does not. The other way round loses nothing. */
function movedChangelog(store: ManifestStore, now: ManifestStore, application: string): StateChange[] {
  if (store.changelog === undefined || now.changelog === undefined || store.changelog === now.changelog)
    return []
  if (now.changelog !== changelogTopic(application, store.name)) return []
  return [
    {
      line: `store "${store.name}" was restored from the topic ${store.changelog}, and would begin empty with ${now.changelog}`,
      remedy: `Keep 'reuse.ktable.source.topics' in the option \`optimization\`. ${START_AFRESH}`,
    },
  ]
}

function renamedTo(store: ManifestStore, renamed: ManifestStore): StateChange {
  return {
    line: `store "${store.name}" is gone; "${renamed.name}" is new and of the same type: renamed?`,
    remedy: `If it was renamed, keep the old name with the option \`name\`: '${store.name}'. ${START_AFRESH}`,
  }
}

function vanished(store: ManifestStore): StateChange {
  const what = store.kind === 'ledger' ? 'ledger (records waiting for an answer)' : 'store'
  return {
    line: `${what} "${store.name}" is gone (${typeOf(store)}${store.changelog === undefined ? '' : `, ${store.changelog}`})`,
    remedy: `Bring its operator back. ${START_AFRESH}`,
  }
}

function typeOf(store: ManifestStore): string {
  return `${store.kind} ${store.key} → ${store.value}${store.changelog === undefined ? ', no changelog' : ''}`
}

function compareRepartitions(old: Manifest, next: Manifest): StateChange[] {
  return old.repartitions.flatMap((was): StateChange[] => {
    const now = next.repartitions.find((candidate) => candidate.topic === was.topic)
    if (now === undefined) {
      const line = `repartition topic "${was.topic}" is gone; records in it that were not processed yet would be lost`
      return [{ line, remedy: `Bring its operator back, or keep its name. ${START_AFRESH}` }]
    }
    if (now.key === was.key && now.value === was.value) return []
    const line = `repartition topic "${was.topic}" changed type: ${was.key} → ${was.value} to ${now.key} → ${now.value}`
    return [{ line, remedy: `Give the operator behind it another name. ${START_AFRESH}` }]
  })
}
