/** `npm run dev` while somebody appends a record, saves a change, saves a mistake, and stops it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Newcomer } from './newcomer.ts'
import { expect } from './steps.ts'

/** Leaves the project as it was, but for one more rating. */
export async function editWhileRunning(newcomer: Newcomer): Promise<void> {
  const { scripts } = JSON.parse(readFileSync(join(newcomer.folder, 'package.json'), 'utf8')) as {
    readonly scripts: { readonly dev: string }
  }
  // Without npm between, so that the signal reaches it as Ctrl-C does from a terminal.
  const [, ...args] = scripts.dev.split(' ')
  const dev = newcomer.start('node_modules/.bin/sluice', args)
  await dev.says(/is running; watching app\.ts/)
  newcomer.append('data/ratings.jsonl', '{"key":"r5","value":{"product":"tea-red","stars":3}}')
  await dev.says(/"key":"tea-red","value":\{"count":1,"average":3\}/)

  newcomer.edit('app.ts', 'average: total / count', 'average: Math.round(total / count)')
  await dev.says(/app\.ts changed: my-app reloaded, state kept: .*per-product/)
  newcomer.append('data/ratings.jsonl', '{"key":"r7","value":{"product":"tea-red","stars":4}}')
  await dev.says(/"key":"tea-red","value":\{"count":2,"average":4\}/)

  newcomer.edit('app.ts', "name: 'per-product'", "name: 'by-product'")
  await dev.says(/SLUICE_STATE_INCOMPATIBLE[^]*the last good version runs on/)
  newcomer.edit('app.ts', "name: 'by-product'", "name: 'per-product'")
  newcomer.edit('app.ts', 'average: Math.round(total / count)', 'average: total / count')
  await dev.says(/reloaded[^]*reloaded/)
  expect((await dev.stop('SIGINT')) === 0, 'Ctrl-C ends it with 0')
}
