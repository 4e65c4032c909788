/** The manifest an application keeps beside its state, read without opening anything: also while the application runs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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

/** Names of the applications that keep state here. */
export function keptApplications(stateFolder: string): readonly string[] {
  if (!existsSync(stateFolder)) return []
  return readdirSync(stateFolder).filter((name) => existsSync(join(stateFolder, name, 'manifest.json')))
}
