/**
 * `npm run day-one`: what a newcomer does in the first minutes, by the words of docs/getting-started.md, in a folder outside the
 * repository: pack, install, init, run, edit while it runs, test, break it, read the error, mend it. Every step is checked; the
 * last thing printed is how long each took. Needs the registry, so it is not part of `npm test`.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildImage } from './day-one/image.ts'
import { Newcomer } from './day-one/newcomer.ts'
import { expect, Stopwatch } from './day-one/steps.ts'
import { editWhileRunning } from './day-one/dev.ts'

const root = new URL('..', import.meta.url).pathname
/** Machine time; a person who reads along has five minutes. */
const LIMIT_MS = 150_000

const outside = mkdtempSync(join(tmpdir(), 'sluice-day-one-'))
const project = join(outside, 'my-app')
mkdirSync(project)
const newcomer = new Newcomer(project)
const watch = new Stopwatch()

try {
  await watch.step('npm pack', () => newcomer.run(`npm pack --silent --pack-destination ${outside}`, root))
  await watch.step('npm install the tarball', () => {
    newcomer.run('npm init -y')
    newcomer.run('npm install --no-audit --no-fund ../sluice-*.tgz')
  })
  await watch.step('sluice init', () => {
    expect(newcomer.run('npx sluice init --yes').includes('made app.ts'), 'init says what it made')
  })
  await watch.step('npm install', () => newcomer.run('npm install --no-audit --no-fund'))
  await watch.step('npm start', () => {
    const printed = newcomer.run('npm start --silent')
    expect(printed.includes('"key":"tea-green","value":{"count":2,"average":3.5}'), 'summaries', printed)
  })
  await watch.step('npm run explain', () => {
    expect(newcomer.run('npm run --silent explain').includes('per-product'), 'explain names the state')
  })
  await watch.step('npm run dev, edit twice, Ctrl-C', () => editWhileRunning(newcomer))
  await watch.step('npm test', () => {
    expect(/pass 1\b/.test(newcomer.run('npm test')), 'its test passes')
  })
  await watch.step('npm run types', () => newcomer.run('npm run types'))
  await watch.step('break it, read the error', () => {
    newcomer.append('data/ratings.jsonl', '{"key":"r6","value":null}')
    newcomer.run('npm start')
    expect(newcomer.run('npx sluice dlq list --folder data/run').includes('SLUICE_PROCESSING'), 'a letter')
    const shown = newcomer.run('npx sluice dlq show 0 --folder data/run')
    expect(shown.includes('Cannot read properties of null'), 'the cause', shown)
    expect(shown.includes('app.ts'), 'its place in the file of the user', shown)
  })
  await watch.step('mend it, redrive', () => {
    newcomer.edit('app.ts', '.selectKey', '.filter((rating) => rating !== null)\n    .selectKey')
    const redriven = newcomer.run('npx sluice dlq redrive --all --folder data/run')
    expect(redriven.includes('1 redriven'), 'the letter is sent again', redriven)
    newcomer.run('npm start')
    const left = newcomer.run('npx sluice dlq list --folder data/run')
    expect(left.includes('no dead letters'), 'nothing is left', left)
  })
  await watch.step("the Dockerfile's commands", () => buildImage(newcomer, join(outside, 'image')))
  console.log(watch.table())
  expect(watch.totalMs < LIMIT_MS, `all of it takes less than ${LIMIT_MS / 1000} s`)
} finally {
  rmSync(outside, { recursive: true, force: true })
}
