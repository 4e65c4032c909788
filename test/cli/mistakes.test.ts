/** Mistakes people make in the first week, each through the real command: the code, the place, and what to do. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeProject } from './command.ts'
import type { Ended, Project } from './command.ts'
import { sluiceAll } from './in-one-process.ts'
import { applicationMistakes, GOOD } from './mistakes/applications.ts'
import { commandMistakes } from './mistakes/commands.ts'

const mistakes = [...commandMistakes, ...applicationMistakes]

let project: Project
let outcomes: readonly Ended[]
beforeAll(() => {
  project = makeProject({
    'app.ts': GOOD,
    'orders.jsonl': '{"key":"o1","value":{"total":1}}\n',
    'bad.jsonl': '{"key":"o1","value":1}\n{"valeu":1}\n',
  })
  mistakes.forEach(({ app: content }, at) => {
    if (content !== undefined) project.write(`mistake-${at}.ts`, content)
  })
  const first = 'run app.ts --folder data --input orders=orders.jsonl --until-done'.split(' ')
  const commands = mistakes.map(({ args }, at) =>
    args.map((word) => word.replace('{app}', `mistake-${at}.ts`)),
  )
  const [ran, ...rest] = sluiceAll(project.folder, [first, ...commands], { held: ['held'] })
  if (ran?.code !== 0) throw new Error(`the application that is right does not run: ${ran?.stderr}`)
  outcomes = rest
}, 60_000)
afterAll(() => project.remove())

describe('a mistake is told with code, place and what to do:', () => {
  it('at least forty of them', () => expect(mistakes.length).toBeGreaterThanOrEqual(40))

  it.each(mistakes.map((mistake, at) => [mistake.what, mistake, at] as const))('%s', (_, mistake, at) => {
    const { stderr, code } = outcomes[at]!
    const [before, message = ''] = stderr.split(/^error /m)
    expect(before).not.toContain('at ')
    const [told, todo = ''] = message.split('What to do: ')
    expect(told!.split('\n')[0]).toBe(mistake.code)
    expect(told).toContain(mistake.says)
    expect(todo).toContain(mistake.fix)
    expect(code).toBe(mistake.exit ?? 1)
  })
})
