/** What becomes of a record that failed: the application's handler first, then the setting of its step; nothing vanishes. */
import { describe, expect, it } from 'vitest'
import type { ErrorPolicy, FailedRecord } from '../../../src/core/error-handler.ts'
import type { ErrorHandler } from '../../../src/index.ts'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { int64 } from '../../../src/serdes/index.ts'
import { createDriver } from '../../../src/testing/driver.ts'
import type { DriverOptions } from '../../../src/testing/driver-options.ts'

const raw = topic('in', { key: string, value: string })
const input = topic('in', { key: string, value: json<{ n: number | string }>() })
const output = topic('out', { key: string, value: int64 })
const letters = topic('fails-dead-letters', { key: string, value: string })

/** Fails at reading what is no JSON, at processing 13, at writing what is no integer. */
const fails = defineApp('fails', (flow) => {
  flow
    .stream(input)
    .mapValues(({ n }) => {
      if (n === 13) throw new Error('unlucky')
      return n as number
    })
    .to(output)
})

const RECORDS = { deserialize: 'nope', process: '{"n":13}', produce: '{"n":"x"}', fine: '{"n":1}' }

async function run(options: DriverOptions): Promise<{
  readonly out: readonly (number | null)[]
  readonly letters: number
  readonly dropped: number
}> {
  const driver = await createDriver(fails.plan(), options)
  try {
    for (const value of Object.values(RECORDS)) driver.pipe(raw, { key: 'a', value })
    const dropped = driver.metrics
      .samples()
      .filter(({ name }) => name === 'dropped-records-total')
      .reduce((sum, sample) => sum + Number((sample as { readonly value?: number }).value ?? 0), 0)
    return {
      out: driver.read(output).map(({ value }) => value),
      letters: driver.read(letters).length,
      dropped,
    }
  } finally {
    driver.close()
  }
}

describe('without a handler', () => {
  it('each step follows its setting', async () => {
    expect(await run({})).toEqual({ out: [1], letters: 3, dropped: 0 })
    const skipped = await run({ settings: { onDeserializeError: 'skip', onProductionError: 'skip' } })
    expect(skipped).toEqual({ out: [1], letters: 1, dropped: 2 })
    await expect(run({ settings: { onProcessingError: 'fail' } })).rejects.toThrow('unlucky')
    await expect(run({ settings: { onProductionError: 'fail' } })).rejects.toMatchObject({
      code: 'SLUICE_SERIALIZE',
    })
    await expect(run({ settings: { onDeserializeError: 'fail' } })).rejects.toMatchObject({
      code: 'SLUICE_DESERIALIZE',
    })
  })
})

describe('a handler', () => {
  it('is told what failed, where, and at which step, with the record as it was read', async () => {
    const told: FailedRecord[] = []
    const onError: ErrorHandler = (failed) => {
      told.push(failed)
      return failed.step === 'process' ? 'dead-letter' : 'skip'
    }
    expect(await run({ onError })).toEqual({ out: [1], letters: 1, dropped: 2 })
    expect(told.map(({ step, topic: from, offset, error }) => [step, from, offset, error.code])).toEqual([
      ['deserialize', 'in', 0, 'SLUICE_DESERIALIZE'],
      ['process', 'in', 1, 'SLUICE_PROCESSING'],
      ['produce', 'in', 2, 'SLUICE_SERIALIZE'],
    ])
    expect(told.map(({ value }) => Buffer.from(value as Uint8Array).toString())).toEqual([
      RECORDS.deserialize,
      RECORDS.process,
      RECORDS.produce,
    ])
  })

  it('overrules the settings, and may stop the application', async () => {
    await expect(run({ onError: () => 'fail' })).rejects.toMatchObject({ code: 'SLUICE_DESERIALIZE' })
    const all = { onDeserializeError: 'fail', onProcessingError: 'fail', onProductionError: 'fail' } as const
    expect(await run({ settings: all, onError: () => 'skip' })).toEqual({ out: [1], letters: 0, dropped: 3 })
  })

  it('that throws or returns something else stops the application and says so', async () => {
    const thrower = (): ErrorPolicy => {
      throw new Error('own mistake')
    }
    await expect(run({ onError: thrower })).rejects.toThrow(/onError threw: own mistake/)
    const nothing = (() => undefined) as unknown as ErrorHandler
    await expect(run({ onError: nothing })).rejects.toThrow(
      /onError returned undefined, expected dead-letter/,
    )
  })

  it('belongs to the application that was defined with it', () => {
    const onError: ErrorHandler = () => 'skip'
    const app = defineApp('own', (flow) => flow.stream(raw).to(raw), { onError })
    expect(app.onError).toBe(onError)
    const misspelt = { onErrors: onError } as object
    expect(() => defineApp('own', (flow) => flow.stream(raw).to(raw), misspelt)).toThrow(/onError/)
  })
})
