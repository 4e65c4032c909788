/**
 * Draws the pictures of docs/windows.md: each program on the page runs on the test driver with the input shown there, and its windows
 * are drawn below the records in time.
 *
 *   node scripts/docs/window-pictures.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { happenings, inputOf } from './join-pictures.ts'
import type { Happening } from './timeline.ts'
import { windowPicture } from './window-picture.ts'
import type { DrawnWindow } from './window-picture.ts'

const root = new URL('../../', import.meta.url)

/** The pictures by file name in docs/images; programs without one on the page are left out. */
export async function windowPictures(): Promise<ReadonlyMap<string, string>> {
  const page = readFileSync(new URL('docs/windows.md', root), 'utf8')
  const programs = [...page.matchAll(/^```ts ([\w-]+)\.ts\n([\s\S]*?)^```$/gm)]
  const pictures = new Map<string, string>()
  for (const [, name, text] of programs) {
    if (!page.includes(`](images/window-${name}.svg)`)) continue
    const happened = await happenings(text!, inputOf(page, `${name}.ts`))
    const inputs = happened.filter(({ arrival }) => arrival !== undefined)
    pictures.set(`window-${name}.svg`, windowPicture(inputs, windowsOf(happened)))
  }
  return pictures
}

/** The windows among the results, by start; the programs write them as `key start-end`. */
function windowsOf(happened: readonly Happening[]): readonly DrawnWindow[] {
  const windows = new Map<string, DrawnWindow & { readonly results: DrawnWindow['results'][number][] }>()
  for (const { key, value, cause } of happened) {
    if (cause === undefined) continue
    const [, start, end] = / (\d+)-(\d+)$/.exec(key)!
    const window = windows.get(key) ?? { start: Number(start), end: Number(end), results: [] }
    window.results.push({
      text: value === null ? 'deleted' : JSON.stringify(value).replaceAll('"', ''),
      cause,
    })
    windows.set(key, window)
  }
  return [...windows.values()].toSorted((one, other) => one.start - other.start || one.end - other.end)
}

if (import.meta.main) {
  for (const [name, svg] of await windowPictures()) writeFileSync(new URL(`docs/images/${name}`, root), svg)
}
