/**
 * Loads the module that defines an application. Whatever is wrong with the file is an error of the table with file and line,
 * never a stack trace out of Node's loader.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isSluiceError, problemOf, sluiceError } from '../core/errors.ts'
import type { App } from '../languages/dsl/app.ts'

/** The public names of this package and their modules below `src`; `package.json` exports the same. */
export const ENTRIES: ReadonlyMap<string, string> = new Map([
  ['sluice', 'index'],
  ['sluice/embed', 'cli/embed'],
  ['sluice/enrich', 'enrich/index'],
  ['sluice/serdes', 'serdes/index'],
  ['sluice/testing', 'testing/index'],
])

/**
 * The default export of `file`.
 * @throws SLUICE_APP_LOAD, and what drawing its topology throws
 */
export async function loadApp(file: string): Promise<App> {
  const path = resolve(file)
  if (!existsSync(path)) throw refused(file, `there is no such file (looked for ${path})`)
  useThisPackage()
  const exported = await importDefault(path, file)
  if (!isApp(exported)) throw refused(file, describeExport(exported))
  try {
    exported.plan()
  } catch (error) {
    if (isSluiceError(error)) throw error
    throw refused(file, describeProblem(error, path), error)
  }
  return exported
}

/**
 * The application gets the very Sluice that runs it: two copies in one process would not recognise each other's errors
 * and records, and with `npx` there may be none beside the file at all.
 */
export function useThisPackage(): void {
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const entry = ENTRIES.get(specifier)
      if (entry === undefined) return nextResolve(specifier, context)
      // `.ts` when run from the sources, `.js` when installed.
      const ending = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
      return nextResolve(new URL(`../${entry}${ending}`, import.meta.url).href, context)
    },
  })
}

async function importDefault(path: string, file: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown }
    return module.default
  } catch (error) {
    if (isSluiceError(error)) throw error
    throw refused(file, describeProblem(error, path), error)
  }
}

function isApp(exported: unknown): exported is App {
  return typeof exported === 'object' && exported !== null && (exported as App).kind === 'app'
}

function describeExport(exported: unknown): string {
  if (exported === undefined) return 'it has no default export'
  return `its default export is ${exported === null ? 'null' : `a ${typeof exported}`}, not an application`
}

/** The message with the place: Node puts file, line and code frame at the top of the stack, or says it only to `--check`. */
function describeProblem(error: unknown, path: string): string {
  if (!(error instanceof Error)) return problemOf(error)
  const stack = error.stack ?? ''
  if (!(error instanceof SyntaxError)) return `${error.message}${placeOf(stack)}`
  if (/import statement outside a module|Unexpected token 'export'/.test(error.message)) {
    return `${error.message}: set "type": "module" in package.json (npm pkg set type=module), or name the file .mts`
  }
  const frame = /^((?:file:\/\/)?\/[^\n]*:\d+\n[\s\S]*?)\n\s*(?:\n|at )/.exec(stack)?.[1] ?? checked(path)
  return frame === undefined ? error.message : `${error.message}\n${frame.trimEnd()}`
}

/** Places in here are ours, not the user's. */
const OWN_CODE = new URL('../', import.meta.url).href

/** Where a module threw while it was loaded: the first place outside Node. */
function placeOf(stack: string): string {
  const places = Array.from(stack.matchAll(/\(?(file:\/\/[^\s)]+):\d+:\d+\)?/g))
  const place = places.find(([, url]) => !url!.startsWith(OWN_CODE))?.[0].replace(/^\(|\)$/g, '')
  return place === undefined ? '' : `\nat ${place}`
}

function checked(path: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8' })
  return /^((?:file:\/\/)?\/[^\n]*:\d+\n[\s\S]*?\^)/.exec(stderr)?.[1]
}

function refused(file: string, problem: string, cause?: unknown): Error {
  return sluiceError('SLUICE_APP_LOAD', { file, problem }, cause)
}
