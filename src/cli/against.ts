/** Option `explain --against`: what a version of an application changes in one that runs, was kept, or lies in another file. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isSluiceError, sluiceError } from '../core/errors.ts'
import type { SluiceError } from '../core/errors.ts'
import { compareManifest } from '../engine/topology/manifest.ts'
import type { Manifest, Plan } from '../engine/topology/plan.ts'
import { jsonLine } from './columns.ts'
import { withBroker } from './folder-broker.ts'
import { keptApplications, keptManifest } from './kept-manifest.ts'
import { loadApp } from './load-app.ts'
import { changeLine, manifestChanges } from './manifest-changes.ts'
import type { ManifestChange, Topics } from './manifest-changes.ts'
import { servedTopology, unreachable } from './running-app.ts'
import { loadSettings } from './settings/layers.ts'

/** The other version, as far as it can be known. */
interface Other {
  readonly where: string
  readonly manifest: Manifest
  /** Absent for a kept manifest, which names no topics of the user. */
  readonly topics?: Topics
  /** Topics of the new version that are not there yet; absent where nobody can look. */
  readonly missing?: readonly string[]
}

interface Comparison {
  readonly where: string
  readonly changes: readonly ManifestChange[]
  readonly missing: readonly string[] | undefined
  /** Why the new version would not start on the state of the other. */
  readonly refusal: SluiceError | undefined
}

/**
 * @param against `running`, an address of a running application, a folder, or a file of another version
 * @throws SLUICE_CONFIG_INVALID where there is nothing to compare with
 */
export async function compareAgainst(against: string, plan: Plan): Promise<Comparison> {
  const other = await otherVersion(against, plan)
  const topics = other.topics === undefined ? undefined : { old: other.topics, next: plan }
  return {
    where: other.where,
    changes: manifestChanges(other.manifest, plan.manifest, topics),
    missing: other.missing,
    refusal: compareManifest(other.manifest, plan.manifest),
  }
}

/** Text for people, or one JSON object. */
export function describeComparison({ where, changes, missing, refusal }: Comparison, json: boolean): string {
  if (json) {
    const { code, fix } = refusal ?? {}
    return jsonLine({ against: where, changes, missing, fits: refusal === undefined, code, fix })
  }
  const lines = changes.map((change) => `  ${changeLine(change)}`)
  const created = (missing ?? []).map((topic) => `  + topic ${topic} (not there yet)`)
  const verdict =
    refusal === undefined
      ? ['This version can go on with what the other one keeps.']
      : [`This version would be refused at start (${refusal.code}).`, `What to do: ${refusal.fix}`]
  const all = [...lines, ...created]
  return [`Against ${where}:`, ...(all.length === 0 ? ['  nothing changes'] : all), ...verdict, ''].join('\n')
}

async function otherVersion(against: string, plan: Plan): Promise<Other> {
  if (against === 'running') return otherVersion(await whereItRuns(), plan)
  if (/^https?:\/\//.test(against)) return running(against)
  if (existsSync(against) && statSync(against).isFile()) {
    const other = (await loadApp(against)).plan()
    return { where: against, manifest: other.manifest, topics: other }
  }
  return kept(against, plan)
}

/** By the settings an application here would run with. */
async function whereItRuns(): Promise<string> {
  const { settings } = await loadSettings({ set: [] })
  if (settings.serverPort !== undefined) return `http://${settings.serverHost}:${settings.serverPort}`
  if (settings.folder !== undefined) return settings.folder
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: '--against running',
    expected: 'a serverPort or a folder in the configuration, or --against with an address or a folder',
    came: 'neither',
  })
}

async function running(address: string): Promise<Other> {
  const { manifest, reads = [], writes = [] } = await servedTopology(address)
  if (manifest === undefined)
    throw unreachable(new URL('/topology', address), 'its answer is not that of an application')
  return { where: `${address}, running`, manifest, topics: { sourceTopics: reads, sinkTopics: writes } }
}

async function kept(folder: string, plan: Plan): Promise<Other> {
  for (const state of [join(folder, 'state'), folder]) {
    const manifest = keptManifest(state, plan.application)
    if (manifest !== undefined)
      return withMissing({ where: `${folder}, as kept by the last start`, manifest }, folder, plan)
  }
  const known = [join(folder, 'state'), folder].flatMap(keptApplications)
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: '--against',
    expected: `a folder in which ${plan.application} ran, a file of another version, or the address of a running one`,
    came: `${folder}${known.length === 0 ? '' : ` (in which ran: ${known.join(', ')})`}`,
  })
}

/** While an application uses the folder nobody else can look at its topics; everything else can be said all the same. */
async function withMissing(other: Other, folder: string, plan: Plan): Promise<Other> {
  try {
    const there = await withBroker({ folder }, (broker) => broker.admin.describeTopics())
    const wanted = [...plan.sourceTopics, ...plan.sinkTopics, ...plan.internalTopics.map(({ name }) => name)]
    const names = new Set(there.map(({ name }) => name))
    return { ...other, missing: [...new Set(wanted)].filter((name) => !names.has(name)) }
  } catch (error) {
    if (isSluiceError(error, 'SLUICE_FOLDER_LOCKED', 'SLUICE_CONFIG_INVALID')) return other
    throw error
  }
}
