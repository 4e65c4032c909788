/** `sluice dev` over a session: saves are taken over with their state, what is broken is told and the last good version runs on. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeProject } from './command.ts'

const app = (name: string, factor: string): string => `
import { defineApp, json, string, topic } from 'sluice'
import { factor } from './factor.ts'
const orders = topic('orders', { key: string, value: json<number>() })
export default defineApp('shop', (flow) => {
  flow.stream(orders).groupByKey()
    .aggregate({ name: '${name}', init: () => 0, add: (sum, total) => sum + total * ${factor} })
    .toStream().to(topic('sums', { key: string, value: json() }))
})
`
const order = (total: number): string => `${JSON.stringify({ key: 'a', value: total })}\n`

it('takes saves over, keeps state, survives mistakes, and resets only when told to', async () => {
  const project = makeProject({
    'app.ts': app('sums', 'factor'),
    'factor.ts': 'export const factor = 1\n',
    'orders.jsonl': order(1),
  })
  const { child, ended } = project.start(
    'dev',
    'app.ts',
    '--json',
    '--input',
    'orders=orders.jsonl',
    '--print',
    'sums',
  )
  let all = ''
  child.stdout!.on('data', (text: string) => (all += text))
  const told = async (text: string): Promise<void> => {
    for (const until = Date.now() + 10_000; !all.includes(text);) {
      if (Date.now() > until) throw new Error(`it never said ${text}:\n${all}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    all = all.slice(all.indexOf(text) + text.length)
  }
  await told('"event":"started"')
  await told('"value":1}')
  project.write('factor.ts', 'export const factor = 10\n')
  await told('"changed":"factor.ts","kept":["sums"]')
  appendFileSync(join(project.folder, 'orders.jsonl'), order(2))
  await told('"value":21}')
  project.write('factor.ts', 'export const factor = = 10\n')
  await told('"code":"SLUICE_APP_LOAD"')
  await told('the last good version runs on')
  appendFileSync(join(project.folder, 'orders.jsonl'), order(3))
  await told('"value":51}')
  project.write('factor.ts', 'export const factor = 100\n')
  await told('"event":"reloaded"')
  project.write('app.ts', app('totals', 'factor'))
  await told('"code":"SLUICE_STATE_INCOMPATIBLE"')
  await told('sluice dev --reset')
  appendFileSync(join(project.folder, 'orders.jsonl'), order(1))
  await told('"value":151}')
  child.kill('SIGTERM')
  const { code, stdout } = await ended
  expect(stdout).toContain('"event":"stopped"')
  expect(stdout).not.toContain('sluice-version')
  expect(code).toBe(0)
  project.remove()
})
