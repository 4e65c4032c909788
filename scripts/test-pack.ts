/**
 * `npm run test:pack`: packs the package, installs the tarball into an empty project elsewhere and runs the README's example with
 * it, on this Node and, where there is one, on a Node that is too old. Needs the registry, so it is not part of `npm test`.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'

const root = new URL('..', import.meta.url).pathname
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const project = mkdtempSync(join(tmpdir(), 'sluice-pack-'))
// The Node that runs this first, so that `npx` uses it too.
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` }

try {
  install()
  await runExample()
  explain()
  refuseOldNode()
  console.log('npm pack: installed, the example runs, an old Node is told what to do')
} finally {
  rmSync(project, { recursive: true, force: true })
}

function install(): void {
  npm(['pack', '--silent', '--pack-destination', project], root)
  npm(['init', '-y'], project)
  npm(['pkg', 'set', 'type=module'], project)
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  npm(['install', '--no-audit', '--no-fund', join(project, `sluice-${version}.tgz`)], project)
  for (const name of ['app.ts', 'customers.jsonl', 'ratings.jsonl', 'service.mjs']) {
    writeFileSync(join(project, name), block(name))
  }
}

/** The README's command, word for word. */
async function runExample(): Promise<void> {
  const service = spawn(process.execPath, ['service.mjs'], { cwd: project, stdio: 'ignore' })
  try {
    await answering('http://127.0.0.1:4000/')
    const command = /^npx sluice run [\s\S]*?--until-done$/m.exec(readme)![0]
    const { stdout, stderr, status } = spawnSync(command, {
      cwd: project,
      env,
      shell: true,
      encoding: 'utf8',
    })
    const values = (text: string): string =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.stringify((JSON.parse(line) as { value: unknown }).value))
        .toSorted()
        .join('\n')
    expect(status === 0, 'the example ends with 0', stderr)
    expect(values(stdout) === values(block('output')), 'the example prints what the README says', stdout)
  } finally {
    service.kill()
  }
}

function explain(): void {
  const { stdout, stderr, status } = spawnSync('npx sluice explain app.ts', {
    cwd: project,
    env,
    shell: true,
    encoding: 'utf8',
  })
  expect(status === 0 && stdout.includes('Sub-topology: 1'), 'explain describes the example', stdout + stderr)
}

/** The first Node on the PATH that is too old, if there is one. */
function refuseOldNode(): void {
  const found = spawnSync('which', ['-a', 'node'], { encoding: 'utf8' }).stdout.trim().split('\n')
  const old = found.find((node) =>
    /^v(?:1\d|2[0-3])\./.test(execFileSync(node, ['-v'], { encoding: 'utf8' })),
  )
  if (old === undefined) return console.log('no old Node here: that part was not tried')
  const main = join(project, 'node_modules/sluice/dist/cli/main.js')
  const { stderr, status } = spawnSync(old, [main, 'run', 'app.ts'], { cwd: project, encoding: 'utf8' })
  expect(status === 1 && /Sluice needs Node\.js .* this is 2/.test(stderr), 'an old Node is refused', stderr)
}

function npm(args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8' })
  expect(status === 0, `npm ${args[0]}`, stdout + stderr)
}

async function answering(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if ((await fetch(url).catch(() => undefined)) !== undefined) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function block(name: string): string {
  const found = new RegExp(`^\`\`\`\\w+ ${name.replace('.', '\\.')}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(
    readme,
  )?.[1]
  expect(found !== undefined, `README.md has a block ${name}`, '')
  return found!
}

function expect(holds: boolean, what: string, came: string): void {
  if (!holds) throw new Error(`expected: ${what}\n${came}`)
}
