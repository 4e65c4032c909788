/**
 * Compares Sluice with what others really gave, case by case; it knows no case by name.
 *
 *   npm run conformance -- kafka-streams [--dir DIR] [--store memory|lmdb|sqlite] [--verbose all] [--json] [--aspects outputs,…]
 *
 * DIR defaults to ../shared/conformance/SET; aspects to all: outputs, stores, describe, topics (internal ones, co-partitioned ones),
 * internal (their records byte for byte), take-over (stores restored from the changelogs that Kafka Streams wrote). Prints a row per operator, how many cases differ in each aspect, the first differences, and last
 * `N passed, N failed, N skipped`; skipped = the case has an operator that Sluice does not have yet. Exit code 1 when one failed,
 * 2 when it could not begin.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { StoreBackend } from '../../src/core/store.ts'
import { systemDisk } from '../../src/platform/disk.ts'
import { chooseBackend } from '../../src/stores/index.ts'
import { compareBytes } from './bytes.ts'
import type { BytesVerdict } from './bytes.ts'
import { readCases } from './case.ts'
import type { Aspect } from './compare-topology.ts'
import { runCase } from './run-case.ts'
import type { Case } from './case.ts'
import type { Verdict } from './run-case.ts'

const STORES = ['memory', 'lmdb', 'sqlite'] as const
const SUPPORTED = ['kafka-streams']
const ASPECTS: readonly Aspect[] = ['outputs', 'stores', 'describe', 'topics', 'internal', 'take-over']
/** Failed cases shown without `--verbose all`. */
const SHOWN = 10

interface Judged {
  readonly one: Case
  readonly verdict: Verdict
}

interface Row {
  passed: number
  failed: number
  skipped: number
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: 'string' },
    verbose: { type: 'string' },
    json: { type: 'boolean', default: false },
    aspects: { type: 'string' },
    store: { type: 'string', default: 'memory' },
  },
})

async function main(): Promise<void> {
  const [set] = positionals
  if (set === undefined || positionals.length > 1)
    return refuse('expected one set, for instance: npm run conformance -- kafka-streams')
  if (!SUPPORTED.includes(set))
    return refuse(`the set "${set}" is not supported yet; supported: ${SUPPORTED.join(', ')}`)
  const folder = resolve(
    values.dir ?? fileURLToPath(new URL(`../../../shared/conformance/${set}`, import.meta.url)),
  )
  if (!existsSync(folder)) return refuse(`no folder ${folder}; give one with --dir`)
  const judged: Judged[] = []
  const aspects = values.aspects?.split(',') ?? ASPECTS
  const backend = await backendOf(values.store)
  if (backend === undefined) return refuse(`no store "${values.store}"; there are ${STORES.join(', ')}`)
  for (const one of readCases(folder)) {
    judged.push({ one, verdict: limited(await runOn(backend, one), aspects) })
  }
  if (judged.length === 0) return refuse(`no cases in ${folder}`)
  const bytes = compareBytes(folder)
  if (values.json) printJson(set, judged, bytes)
  else printText(judged, bytes)
  const failed = judged.some(({ verdict }) => verdict.outcome === 'failed')
  process.exitCode = failed || bytes.some(({ differences }) => differences.length > 0) ? 1 : 0
}

async function backendOf(kind: string): Promise<StoreBackend | undefined> {
  const known = STORES.find((store) => store === kind)
  return known === undefined ? undefined : chooseBackend({ kind: known, disk: systemDisk })
}

/** Each case has a folder of its own, gone after it. */
async function runOn(stores: StoreBackend, one: Case): Promise<Verdict> {
  if (!stores.persistent) return runCase(one)
  const stateFolder = mkdtempSync(join(tmpdir(), 'sluice-conformance-'))
  try {
    return await runCase(one, { stores, stateFolder })
  } finally {
    rmSync(stateFolder, { recursive: true, force: true })
  }
}

/** A case counts as failed for these aspects only. */
function limited(verdict: Verdict, aspects: readonly string[]): Verdict {
  if (verdict.outcome !== 'failed') return verdict
  const differences = verdict.differences.filter(({ aspect }) => aspects.includes(aspect))
  return differences.length === 0 ? { outcome: 'passed' } : { ...verdict, differences }
}

function refuse(problem: string): void {
  process.stderr.write(`conformance: ${problem}\n`)
  process.exitCode = 2
}

function printText(judged: readonly Judged[], bytes: readonly BytesVerdict[]): void {
  const rows = rowsOf(judged)
  const width = Math.max(...[...rows.keys()].map((operator) => operator.length))
  line(`${'operator'.padEnd(width)}  passed  failed  skipped`)
  for (const [operator, { passed, failed, skipped }] of rows)
    line(`${operator.padEnd(width)}  ${pad(passed)}  ${pad(failed)}  ${pad(skipped, 7)}`)
  printAspects(judged)
  printBytes(bytes)
  printMissing(judged)
  printFailed(judged)
  const { passed, failed, skipped } = totalOf(judged)
  line(`\n${passed} passed, ${failed} failed, ${skipped} skipped`)
}

function printAspects(judged: readonly Judged[]): void {
  line('\naspect     differing cases')
  for (const aspect of ASPECTS) {
    const differing = judged.filter(
      ({ verdict }) =>
        verdict.outcome === 'failed' && verdict.differences.some((one) => one.aspect === aspect),
    )
    line(`${aspect.padEnd(9)} ${pad(differing.length)}`)
  }
}

function printBytes(bytes: readonly BytesVerdict[]): void {
  if (bytes.length === 0) return
  line('\nbytes                  vectors  differing')
  for (const { section, vectors, differences } of bytes)
    line(`${section.padEnd(22)} ${pad(vectors, 7)}  ${pad(differences.length, 9)}`)
  for (const text of bytes.flatMap(({ differences }) => differences.slice(0, SHOWN))) line(`  ${text}`)
}

function printMissing(judged: readonly Judged[]): void {
  const missing = [...missingOf(judged)].toSorted(([, a], [, b]) => b - a)
  if (missing.length === 0) return
  line('\nskipped for the first operator that is not there yet:')
  for (const [operator, count] of missing) line(`  ${String(count).padStart(4)}  ${operator}`)
}

function printFailed(judged: readonly Judged[]): void {
  const failed = judged.filter(({ verdict }) => verdict.outcome === 'failed')
  for (const { one, verdict } of values.verbose === 'all' ? failed : failed.slice(0, SHOWN)) {
    line(`\nFAILED ${one.name} (${one.operators.join(', ')})`)
    if (verdict.outcome === 'failed')
      for (const { aspect, text } of verdict.differences) line(`  [${aspect}] ${text}`)
  }
  if (values.verbose !== 'all' && failed.length > SHOWN)
    line(`\n… and ${failed.length - SHOWN} more failed; --verbose all shows them`)
}

function printJson(set: string, judged: readonly Judged[], bytes: readonly BytesVerdict[]): void {
  const cases = judged.map(({ one: { name, operators }, verdict }) => ({ name, operators, ...verdict }))
  const operators = Object.fromEntries(rowsOf(judged))
  line(
    JSON.stringify({
      set,
      ...totalOf(judged),
      operators,
      missing: Object.fromEntries(missingOf(judged)),
      bytes,
      cases,
    }),
  )
}

/** A case counts in the row of each of its operators. */
function rowsOf(judged: readonly Judged[]): ReadonlyMap<string, Row> {
  const rows = new Map<string, Row>()
  for (const { one, verdict } of judged) {
    for (const operator of one.operators) {
      const row = rows.get(operator) ?? { passed: 0, failed: 0, skipped: 0 }
      rows.set(operator, row)
      row[verdict.outcome]++
    }
  }
  return new Map([...rows].toSorted(([a], [b]) => a.localeCompare(b)))
}

function totalOf(judged: readonly Judged[]): Row {
  const total: Row = { passed: 0, failed: 0, skipped: 0 }
  for (const { verdict } of judged) total[verdict.outcome]++
  return total
}

function missingOf(judged: readonly Judged[]): ReadonlyMap<string, number> {
  const missing = new Map<string, number>()
  for (const { verdict } of judged) {
    if (verdict.outcome === 'skipped') missing.set(verdict.missing, (missing.get(verdict.missing) ?? 0) + 1)
  }
  return missing
}

function line(text: string): void {
  process.stdout.write(`${text}\n`)
}

function pad(count: number, width = 6): string {
  return String(count).padStart(width)
}

await main()
