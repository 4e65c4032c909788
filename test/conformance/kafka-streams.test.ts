/** The cases recorded from Kafka Streams, judged as `npm run conformance` does. What the DSL does not have is counted, not hidden. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readCases } from '../../scripts/conformance/case.ts'
import type { Case } from '../../scripts/conformance/case.ts'
import { draw } from '../../scripts/conformance/draw.ts'
import { runCase } from '../../scripts/conformance/run-case.ts'

const folder = fileURLToPath(new URL('../../../shared/conformance/kafka-streams', import.meta.url))
const cases = existsSync(folder) ? readCases(folder) : []

const drawn = cases.flatMap((one): readonly (readonly [string, Case])[] => {
  if (one.golden.error?.phase === 'build') return []
  return 'app' in draw(one) ? [[one.name, one]] : []
})

describe.skipIf(drawn.length === 0)(`Kafka Streams cases (skipped where ${folder} is absent)`, () => {
  test('are covered as far as they were when this was written', () =>
    expect(drawn.length).toBeGreaterThan(1_000))

  test.each(drawn)('%s', async (_, one) => {
    expect(await runCase(one)).not.toMatchObject({ outcome: 'failed' })
  })
})

describe('npm run conformance', () => {
  const script = fileURLToPath(new URL('../../scripts/conformance/main.ts', import.meta.url))
  const run = (
    ...words: readonly string[]
  ): { readonly code: number; readonly out: string; readonly err: string } => {
    try {
      const out = execFileSync(process.execPath, [script, ...words], { encoding: 'utf8', stdio: 'pipe' })
      return { code: 0, out, err: '' }
    } catch (error) {
      const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string }
      return { code: status, out: stdout, err: stderr }
    }
  }
  const own = fileURLToPath(new URL('cases', import.meta.url))

  test('says what differs, names what is not there yet, counts last, and exits 1', () => {
    const { code, out } = run('kafka-streams', '--dir', own)
    expect(out).toContain('FAILED planted')
    expect(out).toContain(
      'out, record 0 of 1: expected {"step":0,"key":"k","value":"b","ts":1}, came {"step":0,"key":"k","value":"a","ts":1}',
    )
    expect(out).toContain('[describe] describe, line 2: expected "   Sub-topology: 7"')
    expect(out).toContain('[topics] topic app-more-changelog: expected ["changelog"')
    expect(out).toMatch(/1 {2}shuffle of a stream/)
    expect(out.trimEnd().split('\n').at(-1)).toBe('1 passed, 1 failed, 1 skipped')
    expect(code).toBe(1)
  })

  test('gives the same as JSON', () => {
    const found = JSON.parse(run('kafka-streams', '--dir', own, '--json').out) as Record<string, unknown>
    expect(found).toMatchObject({ passed: 1, failed: 1, skipped: 1, missing: { 'shuffle of a stream': 1 } })
  })

  test.each([
    ['a set that is not supported', ['ksql'], 'not supported yet'],
    ['no set', [], 'expected one set'],
    ['a folder that is not there', ['kafka-streams', '--dir', '/nowhere/at/all'], 'no folder'],
  ])('refuses %s', (_, words, message) => {
    const { code, err } = run(...words)
    expect(err).toContain(message)
    expect(code).toBe(2)
  })
})
