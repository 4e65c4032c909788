/** A page of docs/ as its fenced blocks: which file, input, answers or output each of them is. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Block {
  readonly language: string
  /** What stands behind the language: a file, or `input app.ts`, `answers app.ts`, `output app.ts`. */
  readonly label: string
  readonly text: string
}

export interface Page {
  /** `guides/embed.md`. */
  readonly name: string
  readonly text: string
  readonly blocks: readonly Block[]
}

/** Every page below docs/. */
export function docsPages(root: string): readonly Page[] {
  const folder = join(root, 'docs')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .toSorted()
    .map((name) => pageOf(name, readFileSync(join(folder, name), 'utf8')))
}

/** The blocks of a text. */
export function pageOf(name: string, text: string): Page {
  const blocks = Array.from(
    text.matchAll(/^```(\w+)[ ]?(.*)\n([\s\S]*?)^```$/gm),
    ([, language, label, content]): Block => ({ language: language!, label: label!, text: content! }),
  )
  return { name, text, blocks }
}

/** Its TypeScript by file name; a block without a name gets one. */
export function modulesOf({ blocks }: Page): ReadonlyMap<string, string> {
  const modules = blocks.filter(({ language }) => language === 'ts')
  return new Map(modules.map(({ label, text }, at) => [label === '' ? `snippet-${at + 1}.ts` : label, text]))
}

/** The lines of JSON that a page shows as input, answers or output of a file. */
export function linesOf(page: Page, what: 'input' | 'answers' | 'output', file: string): readonly unknown[] {
  const found = page.blocks.find(({ label }) => label === `${what} ${file}`)
  return (found?.text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}
