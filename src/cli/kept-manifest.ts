/** The manifest an application keeps beside its state, read without opening anything: also while the application runs. */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Manifest } from '../engine/topology/plan.ts'

/** Undefined where there is none, or none that can be read. */
export function keptManifest(stateFolder: string, application: string): Manifest | undefined {
  const file = join(stateFolder, application, 'manifest.json')
  if (!existsSync(file)) return undefined
  try {
    const parsed = JSON.parse(readFileSync(file, 'utf8')) as Partial<Manifest> | null
    return parsed !== null && Array.isArray(parsed.stores) && Array.isArray(parsed.repartitions)
      ? (parsed as Manifest)
      : undefined
  } catch {
    return undefined
  }
}

/** Takes stores out of it: the next version of the application may have them in any type, or not at all. */
export function forgetInManifest(stateFolder: string, kept: Manifest, names: ReadonlySet<string>): void {
  const stores = kept.stores.filter(({ name }) => !names.has(name))
  const file = join(stateFolder, kept.application, 'manifest.json')
  writeFileSync(`${file}.new`, JSON.stringify({ ...kept, stores }, null, 2))
  renameSync(`${file}.new`, file)
}

/** Names of the applications that keep state here. */
export function keptApplications(stateFolder: string): readonly string[] {
  if (!existsSync(stateFolder)) return []
  return readdirSync(stateFolder).filter((name) => existsSync(join(stateFolder, name, 'manifest.json')))
}
