/**
 * Draws the pictures of docs/joins.md: each program on the page runs on the test driver with the input shown there, and its records
 * and results are drawn in time.
 *
 *   node scripts/docs/join-pictures.ts
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { App } from '../../src/index.ts'
import { createDriver } from '../../src/testing/driver.ts'
import type { Driver } from '../../src/testing/driver.ts'
import { timeline } from './timeline.ts'
import type { Happening } from './timeline.ts'

const root = new URL('../../', import.meta.url)

interface Input {
  readonly topic: string
  readonly key: string
  readonly value: unknown
  readonly timestamp: number
}

/** The pictures by file name in docs/images. */
export async function joinPictures(): Promise<ReadonlyMap<string, string>> {
  const page = readFileSync(new URL('docs/joins.md', root), 'utf8')
  const programs = [...page.matchAll(/^```ts ([\w-]+)\.ts\n([\s\S]*?)^```$/gm)]
  const pictures = new Map<string, string>()
  for (const [, name, text] of programs)
    pictures.set(`join-${name}.svg`, timeline(await happenings(text!, inputOf(page, `${name}.ts`))))
  return pictures
}

export function inputOf(page: string, file: string): readonly Input[] {
  const [, lines] = new RegExp(`^\`\`\`jsonl input ${file}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)!
  return lines!
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Input)
}

/** What a program does with its input. */
export async function happenings(program: string, inputs: readonly Input[]): Promise<readonly Happening[]> {
  const plan = (await load(program)).plan()
  const driver = await createDriver(plan)
  const happened: Happening[] = []
  let drops = 0
  for (const [index, { topic, key, value, timestamp }] of inputs.entries()) {
    const bytes = value === null ? null : Buffer.from(JSON.stringify(value))
    driver.pipeBytes({ topic, key: Buffer.from(key), value: bytes, timestamp, headers: [] })
    const dropped = droppedBy(driver) > drops
    drops = droppedBy(driver)
    happened.push({ lane: topic, key, value, timestamp, arrival: index + 1, ...(dropped && { dropped }) })
    for (const sink of plan.sinkTopics) {
      for (const result of driver.readBytes(sink)) {
        const parsed: unknown = result.value === null ? null : JSON.parse(String(Buffer.from(result.value)))
        const of = String(Buffer.from(result.key!))
        happened.push({ lane: sink, key: of, value: parsed, timestamp: result.timestamp, cause: index + 1 })
      }
    }
  }
  driver.close()
  return happened
}

function droppedBy({ metrics }: Driver): number {
  const drops = metrics.samples().filter(({ name }) => name === 'dropped-records-total')
  return drops.reduce((sum, { value }) => sum + value, 0)
}

/** As if it stood in a file of a project. */
async function load(program: string): Promise<App> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-joins-'))
  const file = join(folder, 'app.ts')
  writeFileSync(file, program.replaceAll("from 'sluice'", `from '${new URL('src/index.ts', root).href}'`))
  try {
    return ((await import(/* @vite-ignore */ pathToFileURL(file).href)) as { readonly default: App }).default
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (import.meta.main) {
  for (const [name, svg] of await joinPictures()) writeFileSync(new URL(`docs/images/${name}`, root), svg)
}
