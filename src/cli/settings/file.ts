/** The configuration file: `sluice.config.{ts,js,json,yaml,yml}`. In YAML and JSON every setting knows its line and column. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Pair } from 'yaml'
import { isSluiceError, problemOf, sluiceError } from '../../core/errors.ts'
import type { Given, Layer } from './resolve.ts'

const NAMES = ['ts', 'js', 'json', 'yaml', 'yml'].map((ending) => `sluice.config.${ending}`)

/**
 * The layer of the configuration file; empty when there is none.
 * @param named the file of `--config`; without it the one in the current folder
 * @throws SLUICE_CONFIG_FILE
 */
export async function fileLayer(named?: string): Promise<Layer> {
  const file = named ?? findFile()
  if (file === undefined) return { kind: 'file', given: new Map() }
  if (!existsSync(file)) throw refused(file, 'there is no such file')
  const given = /\.(json|ya?ml)$/.test(file) ? readDocument(file) : await importFile(file)
  return { kind: 'file', given }
}

function findFile(): string | undefined {
  const found = NAMES.filter((name) => existsSync(name))
  if (found.length > 1) throw refused(found[0]!, `there is also ${found.slice(1).join(' and ')}`)
  return found[0]
}

/** JSON is read as the YAML it is. */
function readDocument(file: string): ReadonlyMap<string, Given> {
  const lines = new LineCounter()
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines, prettyErrors: false })
  const at = (offset: number | undefined): string => {
    const { line, col } = lines.linePos(offset ?? 0)
    return `${file}:${line}:${col}`
  }
  const [problem] = document.errors
  if (problem !== undefined) throw refused(at(problem.pos[0]), problem.message)
  const root = document.contents
  if (root === null) return new Map()
  if (!isMap(root)) throw refused(at(0), 'expected settings, one `name: value` a line')
  const values = document.toJS() as Readonly<Record<string, unknown>>
  return new Map(
    root.items.map((item) => {
      const { key, value } = item as Pair
      const name = String(isScalar(key) ? key.value : key)
      const namePlace = at(offsetOf(key))
      return [
        name,
        { value: values[name] ?? undefined, place: at(offsetOf(value) ?? offsetOf(key)), namePlace },
      ]
    }),
  )
}

function offsetOf(node: unknown): number | undefined {
  return (node as { readonly range?: readonly number[] | null } | null)?.range?.[0]
}

async function importFile(file: string): Promise<ReadonlyMap<string, Given>> {
  const exported = await importDefault(file)
  if (typeof exported !== 'object' || exported === null || Array.isArray(exported)) {
    throw refused(file, 'its default export is not an object of settings')
  }
  return new Map(
    Object.entries(exported as Record<string, unknown>).map(([name, value]) => [
      name,
      { value, place: file },
    ]),
  )
}

async function importDefault(file: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(resolve(file)).href)) as { readonly default?: unknown }
    return module.default
  } catch (error) {
    if (isSluiceError(error)) throw error
    throw refused(file, problemOf(error), error)
  }
}

function refused(place: string, problem: string, cause?: unknown): Error {
  return sluiceError('SLUICE_CONFIG_FILE', { place, problem }, cause)
}
