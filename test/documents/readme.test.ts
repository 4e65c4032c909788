/** The README's example, as it stands there: it type-checks, runs with `sluice run`, and prints what the README says. */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = new URL('../../', import.meta.url).pathname
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const main = join(root, 'src/cli/main.ts')

/** The fenced block whose first line names this file. */
function block(name: string): string {
  const found = new RegExp(`^\`\`\`\\w+ ${name.replace('.', '\\.')}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(
    readme,
  )?.[1]
  if (found === undefined) throw new Error(`README.md has no block ${name}`)
  return found
}

interface Printed {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly value: unknown
}

function parseLines(text: string): readonly Printed[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ ...(JSON.parse(line) as Printed & { timestamp?: number }), timestamp: 0 }))
    .toSorted((a, b) => a.key.localeCompare(b.key))
}

describe("the README's example", () => {
  const port = 40_000 + (process.pid % 20_000)
  let folder: string
  let service: ChildProcess

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-readme-'))
    for (const name of ['app.ts', 'customers.jsonl', 'ratings.jsonl', 'service.mjs']) {
      writeFileSync(join(folder, name), block(name).replace(':4000', `:${port}`))
    }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    service = spawn(process.execPath, ['service.mjs'], {
      cwd: folder,
      env: { ...process.env, PORT: String(port) },
    })
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
      if (answer !== undefined) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
  afterAll(() => {
    service.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  /** The command in the README, without `npx`. */
  function run(): ReturnType<typeof spawnSync> {
    const command = /^npx sluice (run [\s\S]*?--until-done)$/m.exec(readme)![1]!.replaceAll('\\\n', ' ')
    return spawnSync(process.execPath, [main, ...command.split(/\s+/)], { cwd: folder, encoding: 'utf8' })
  }

  it('prints what the README says', () => {
    const { stdout, stderr, status } = run()
    expect(stderr).toContain('unhappy-customers is running')
    expect(status).toBe(0)
    expect(parseLines(String(stdout))).toEqual(parseLines(block('output')))
  })

  it('falls back to null without the service, as the README says', () => {
    service.kill()
    const { stdout } = run()
    expect(parseLines(String(stdout)).map(({ value }) => value)).toMatchObject([
      { club: null },
      { club: null },
    ])
  })

  it('type-checks in strict mode', () => {
    const paths = {
      sluice: [join(root, 'src/index.ts')],
      'sluice/enrich': [join(root, 'src/enrich/index.ts')],
    }
    const typeRoots = [join(root, 'node_modules/@types')]
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.base.json'),
        compilerOptions: { noEmit: true, paths, typeRoots },
        include: ['app.ts'],
      }),
    )
    const { stdout, status } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], {
      encoding: 'utf8',
    })
    expect(stdout.split('\n').filter((line) => line.includes('app.ts'))).toEqual([])
    expect(status).toBe(0)
  })

  it('type-checks only because it is right', () => {
    const file = join(folder, 'app.ts')
    writeFileSync(file, readFileSync(file, 'utf8').replace('rating.stars', 'rating.starz'))
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
    expect(stdout).toContain("Property 'starz' does not exist on type 'Rating'")
  })
})
