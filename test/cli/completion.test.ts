/** The completion script does its work in the shells themselves, wherever they are installed. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sluiceAll } from './in-one-process.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-completion-'))
  const [bash, zsh] = sluiceAll(folder, [
    ['completion', 'bash'],
    ['completion', 'zsh'],
  ])
  writeFileSync(join(folder, 'bash'), bash!.stdout)
  writeFileSync(join(folder, 'zsh'), zsh!.stdout)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const installed = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0

/** What bash offers for the last word. */
function offered(...words: readonly string[]): readonly string[] {
  const script = [
    `source ${join(folder, 'bash')}`,
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`,
    '_sluice; printf "%s\\n" "${COMPREPLY[@]}"',
  ].join('\n')
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })
  expect(stderr).toBe('')
  return stdout.split('\n').filter((word) => word !== '')
}

describe.runIf(installed('bash'))('completion in bash', () => {
  it.each([
    [['sluice', 'top'], ['topics']],
    [['sluice', 'topics', 'des'], ['describe']],
    [['sluice', 'run', '--pri'], ['--print']],
    [['sluice', 'dlq', 'redrive', '--al'], ['--all']],
    [['sluice', 'completion', 'z'], ['zsh']],
  ])('%j offers %j', (words, wanted) => {
    expect(offered(...words)).toEqual(expect.arrayContaining(wanted))
    expect(offered(...words).filter((word) => !word.startsWith(words.at(-1)!))).toEqual([])
  })
})

describe.runIf(installed('zsh'))('completion in zsh', () => {
  it('is taken by its completion system', () => {
    const script = `autoload -U compinit; compinit -u -D; source ${join(folder, 'zsh')}; print -r -- $_comps[sluice]`
    const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', script], { encoding: 'utf8' })
    expect([stdout.trim(), stderr]).toEqual(['_bash_complete -o default -F _sluice', ''])
  })
})
