/**
 * Loads an application again and again: each load reads the file and everything it imports anew and says which files those
 * were. Node forgets no module, so each version has URLs of its own; packages and Sluice itself are loaded once.
 */
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { SluiceError } from '../core/errors.ts'
import type { App } from '../languages/dsl/app.ts'
import { asSluiceError } from './failure.ts'
import { loadApp } from './load-app.ts'

const VERSION = 'sluice-version'
/** `src/` or `dist/`. */
const OWN_CODE = new URL('../', import.meta.url).href

export interface Loaded {
  /** Absent when it could not be loaded. */
  readonly app?: App
  readonly error?: SluiceError
  /** Absolute paths of the user's files that were asked for, the broken one included. */
  readonly files: ReadonlySet<string>
}

export class Versions {
  #number = 0
  #files = new Set<string>()

  constructor() {
    registerHooks({
      resolve: (specifier, context, nextResolve) => {
        const found = nextResolve(specifier, context)
        if (!found.url.startsWith('file:') || !isUsers(found.url)) return found
        const url = new URL(found.url)
        this.#files.add(fileURLToPath(url))
        if (!context.conditions.includes('import')) return found
        // What an old version imports while it runs belongs to the old version.
        const version = versionOf(context.parentURL) ?? String(this.#number)
        url.searchParams.set(VERSION, version)
        return { ...found, url: url.href }
      },
    })
  }

  /** Never throws: what is wrong with the file is part of the answer. */
  async load(file: string): Promise<Loaded> {
    this.#number++
    this.#files = new Set()
    try {
      const app = await loadApp(file)
      return { app, files: this.#files }
    } catch (error) {
      return { error: asSluiceError(error), files: this.#files }
    }
  }
}

/** Text of an error without the marks of versions in its places. */
export function withoutVersions(text: string): string {
  return text.replaceAll(new RegExp(`\\?${VERSION}=\\d+`, 'g'), '')
}

function isUsers(url: string): boolean {
  return !url.startsWith(OWN_CODE) && !url.includes('/node_modules/')
}

function versionOf(url: string | undefined): string | undefined {
  return url === undefined ? undefined : (/[?&]sluice-version=(\d+)/.exec(url)?.[1] ?? undefined)
}
