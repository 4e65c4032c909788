/**
 * The rules of the house as pure functions over source files; each answers with the violations it found, as sentences.
 * They read no disk, so that the test can also try them on a planted violation.
 */
import type { SourceFile } from './source.ts'

interface Zone {
  /** Files whose path starts with this belong here; the longest match wins. */
  readonly at: string
  /** Path prefixes it may import besides itself. */
  readonly may: readonly string[]
  /** Path prefixes it may not import although `may` covers them. */
  readonly not?: readonly string[]
}

const belowServer = [
  'src/core/',
  'src/platform/',
  'src/engine/',
  'src/enrich/',
  'src/connect/',
  'src/connectors/',
  'src/brokers/',
  'src/stores/',
  'src/serdes/',
  'src/languages/',
]

/** Who may import whom. ARCHITECTURE.md draws the same table. */
const zones: readonly Zone[] = [
  { at: 'src/core/', may: [] },
  { at: 'src/platform/', may: ['src/core/'] },
  { at: 'src/engine/topology/', may: ['src/core/'] },
  { at: 'src/engine/state/', may: ['src/core/'] },
  { at: 'src/engine/operators/', may: ['src/core/', 'src/engine/state/', 'src/engine/topology/'] },
  { at: 'src/engine/runtime/', may: ['src/core/', 'src/engine/state/', 'src/engine/topology/'] },
  { at: 'src/enrich/', may: ['src/core/'] },
  { at: 'src/connect/', may: ['src/core/'] },
  { at: 'src/connectors/', may: ['src/core/', 'src/connect/index.ts'] },
  { at: 'src/brokers/', may: ['src/core/'] },
  { at: 'src/stores/', may: ['src/core/'] },
  { at: 'src/serdes/', may: ['src/core/'] },
  {
    at: 'src/languages/',
    may: ['src/core/', 'src/engine/', 'src/enrich/'],
    not: ['src/engine/runtime/'],
  },
  { at: 'src/server/', may: belowServer, not: ['src/brokers/kafka/'] },
  { at: 'src/testing/', may: belowServer, not: ['src/brokers/kafka/'] },
  { at: 'src/cli/', may: ['src/'] },
  { at: 'src/index.ts', may: ['src/'] },
]

const within = (path: string, prefixes: readonly string[] = []): boolean =>
  prefixes.some((prefix) => path.startsWith(prefix))

/** Imports go down only, along the table; type imports count. */
export function wrongImports(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, imports }) => {
    if (!path.startsWith('src/')) return []
    const zone = zones.filter(({ at }) => path.startsWith(at)).sort((a, b) => b.at.length - a.at.length)[0]
    if (zone === undefined)
      return [`${path} lies in no known folder: give it a row in test/architecture/rules.ts`]
    return imports
      .filter((target) => !mayImport(zone, path, target))
      .map((target) => `${path} may not import ${target}: ${zone.at} may import ${allowance(zone)}`)
  })
}

const socketModules: readonly string[] = ['node:net', 'node:tls', 'node:dgram', 'node:http2']

/** Kafka's connections, the server that listens, and whoever touches the outside anyway. */
const mayHaveSockets = ['src/brokers/kafka/network/', 'src/server/', 'src/platform/', 'src/cli/']

/** Sockets are opened in one place, so that one place decides on TLS, time-outs and what a failure is called. */
export function straySockets(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => path.startsWith('src/') && !within(path, mayHaveSockets))
    .flatMap(({ path, packages }) =>
      packages
        .filter((name) => socketModules.includes(name))
        .map(
          (name) => `${path} may not import ${name}: sockets to Kafka belong to src/brokers/kafka/network/`,
        ),
    )
}

const drivers: readonly string[] = [
  'pg',
  'mysql2',
  'mysql2/promise',
  'redis',
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'ajv',
  'ajv/dist/2020.js',
  'node:worker_threads',
]

/** Whoever does not ask a database need not install its driver, and what a driver throws is translated in one place. */
export function strayDrivers(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => path.startsWith('src/enrich/') && !path.startsWith('src/enrich/sources/'))
    .flatMap(({ path, packages }) =>
      packages
        .filter((name) => drivers.includes(name))
        .map((name) => `${path} may not import ${name}: drivers belong to src/enrich/sources/`),
    )
}

function mayImport(zone: Zone, path: string, target: string): boolean {
  if (within(target, zone.not)) return false
  if (zone.at === 'src/connectors/' && target.startsWith(zone.at)) return sameConnector(path, target)
  return target.startsWith(zone.at) || within(target, zone.may)
}

/** A connector never imports another one; only the list of connectors names them all. */
function sameConnector(path: string, target: string): boolean {
  const [, , system, inside] = path.split('/')
  return inside === undefined || target.startsWith(`src/connectors/${system}/`)
}

function allowance({ may, not }: Zone): string {
  const allowed = may.length > 0 ? `only itself, ${may.join(', ')}` : 'only itself'
  return not === undefined ? allowed : `${allowed} without ${not.join(', ')}`
}

/** Each group of files that import one another in a circle, of any size (Tarjan's strongly connected components). */
export function importCycles(files: readonly SourceFile[]): readonly string[] {
  const imports = new Map(files.map((file) => [file.path, file.imports]))
  const seen = new Map<string, { readonly index: number; low: number }>()
  const stack: string[] = []
  const cycles: string[] = []

  const visit = (path: string): { readonly index: number; low: number } => {
    const node = { index: seen.size, low: seen.size }
    seen.set(path, node)
    stack.push(path)
    for (const target of imports.get(path) ?? []) {
      const known = seen.get(target)
      if (known === undefined && imports.has(target)) node.low = Math.min(node.low, visit(target).low)
      else if (known !== undefined && stack.includes(target)) node.low = Math.min(node.low, known.index)
    }
    if (node.low === node.index) {
      const group = stack.splice(stack.indexOf(path))
      if (group.length > 1 || imports.get(path)?.includes(path) === true) {
        cycles.push(`import cycle: ${group.sort().join(', ')}`)
      }
    }
    return node
  }
  for (const { path } of files) if (!seen.has(path)) visit(path)
  return cycles
}

export const longestFile = 400

/** Written by a generator, one file per API of Kafka: nobody edits them, and splitting one would hide its whole. */
const generated = 'src/brokers/kafka/protocol/messages/'

export function longFiles(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path, lines }) => lines > longestFile && !path.startsWith(generated))
    .map(({ path, lines }) => `${path} has ${lines} lines: split it, ${longestFile} is the limit`)
}

/** A folder is a concept of the domain; these names say nothing of what is inside. */
export function emptyNames(paths: readonly string[]): readonly string[] {
  return paths
    .filter((path) => /(?:^|\/)(?:utils?|common|helpers?|misc)(?:\/|\.ts$)/.test(path))
    .map((path) => `${path}: name it after what it does, or put it beside its only user`)
}

export function silentFiles(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ saysWhatItIsFor }) => !saysWhatItIsFor)
    .map(({ path }) => `${path} does not start with a comment that says what it is for`)
}

const banned: readonly { readonly what: string; readonly code: RegExp }[] = [
  { what: 'export *: list the names', code: /\bexport\s*(?:type\s*)?\*/ },
]

// The linter bans the calls that can be named (Date.now, setTimeout, node:fs …); these take a look at the arguments.
const impure: typeof banned = [
  {
    what: 'new Date() of the present: time comes from core/clock.ts',
    code: /\bnew\s+Date\b(?!\s*\(\s*[^\s)])/,
  },
  { what: 'Date() of the present: time comes from core/clock.ts', code: /(?<!\bnew\s+)(?<![.\w$])Date\s*\(/ },
]

/** Only the adapters of clock, timers, scheduler, random and disk, and the command line, touch the outside. */
const mayBeImpure = ['src/platform/', 'src/cli/']

export function bannedCode(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap(({ path, code }) => {
    const bans = within(path, mayBeImpure) || !path.startsWith('src/') ? banned : [...banned, ...impure]
    return bans.filter((ban) => ban.code.test(code)).map((ban) => `${path} has ${ban.what}`)
  })
}
