import { describe, expect, it } from 'vitest'
import { inWorker } from '../../../src/enrich/sources/worker.ts'
import { answerOf, ask, askAll } from './asking.ts'

const module = new URL('./fixtures/score.mjs', import.meta.url)

interface Score {
  readonly key: string
  readonly doubled: number
  readonly calls: number
  readonly thread: number
}

describe('a function in a worker thread', () => {
  it('answers with the value and the key, in a thread that is kept', async () => {
    const { outcomes } = await askAll(inWorker<Score>(module, { threads: 1 }), [{ n: 1 }, { n: 2 }, { n: 3 }])
    const answers = outcomes.map(answerOf) as Score[]
    expect(answers.map(({ key, doubled }) => [key, doubled])).toEqual([
      ['k0', 2],
      ['k1', 4],
      ['k2', 6],
    ])
    expect(answers.map(({ calls }) => calls)).toEqual([1, 2, 3])
    expect(answers[0]!.thread).toBeGreaterThan(0)
  })

  it('takes an export by its name, and says when there is none', async () => {
    expect(await ask(inWorker(module, { export: 'half' }), { n: 8 })).toBe(4)
    await expect(ask(inWorker(module, { export: 'nothing' }), { n: 8 })).rejects.toThrow(
      'no function "nothing"',
    )
  })

  it('leaves the event loop free, and uses as many threads as allowed', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 5)
    const values = Array.from({ length: 4 }, (_, n) => ({ n, spin: 100 }))
    const { outcomes } = await askAll(inWorker<Score>(module, { threads: 2 }), values)
    clearInterval(timer)
    expect(new Set(outcomes.map((one) => (answerOf(one) as Score).thread)).size).toBe(2)
    expect(turns).toBeGreaterThan(5)
  })

  it('ends the thread at the timeout, and goes on with another', async () => {
    const source = inWorker<Score>(module, { threads: 1, timeout: '300ms', retry: 0 })
    const { outcomes } = await askAll(source, [{ n: 1, spin: 60_000 }])
    expect(outcomes[0]).toMatchObject({ kind: 'dead-letter', error: { code: 'SLUICE_ENRICH_FAILED' } })
    const later = inWorker<Score>(module, { threads: 1, timeout: '5s', retry: { retries: 1, delay: 1 } })
    expect(await ask(later, { n: 4 })).toMatchObject({ doubled: 8 })
  })

  it('tries again when the thread ended or crashed, and only that call', async () => {
    for (const crash of [{ exit: 3 }, { crash: true }]) {
      const source = inWorker<Score>(module, { threads: 1, retry: { retries: 2, delay: 1 } })
      const { outcomes, host } = await askAll(source, [{ n: 1 }, { n: 0, ...crash }, { n: 2 }])
      expect((answerOf(outcomes[0]!) as Score).doubled).toBe(2)
      expect(outcomes[1]).toMatchObject({ kind: 'dead-letter', error: { code: 'SLUICE_ENRICH_FAILED' } })
      expect((answerOf(outcomes[2]!) as Score).doubled).toBe(4)
      expect(host.metric('enrich-retries-total')).toBe(2)
    }
  })

  it('does not try again what says so, or what cannot be copied', async () => {
    const source = inWorker(module, { threads: 1 })
    const { outcomes, host } = await askAll(source, [
      { refuse: true },
      { n: () => 1 },
      { answer: 'function' },
    ])
    expect(outcomes.map(({ kind }) => kind)).toEqual(['dead-letter', 'dead-letter', 'dead-letter'])
    expect(host.metric('enrich-retries-total')).toBe(0)
  })
})
