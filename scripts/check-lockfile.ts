/**
 * Fails when package-lock.json is incomplete or tells where it was made. A registry that lacks a platform's binary makes
 * npm write a lockfile without it; `npm ci` then stops, or that platform silently gets no binary.
 */
import { readFileSync } from 'node:fs'

interface Entry {
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lockfile = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, Entry>>
}
const entries = Object.entries(lockfile.packages)
const installed = new Set(entries.map(([path]) => path.split('node_modules/').at(-1)))

const problems = entries.flatMap(([path, entry]) => [
  ...Object.keys(entry.optionalDependencies ?? {})
    .filter((name) => !installed.has(name))
    .map((name) => `${path || 'package.json'} wants ${name}, which has no entry: pin a version that has it`),
  ...(entry.resolved?.includes('://') === true ? [`${path} names a registry host: npm install again`] : []),
])

for (const problem of problems) console.error(`package-lock.json: ${problem}`)
process.exitCode = problems.length > 0 ? 1 : 0
