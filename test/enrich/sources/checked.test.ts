import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { checked } from '../../../src/enrich/sources/checked.ts'
import { jsonSchema } from '../../../src/enrich/sources/json-schema.ts'
import { batchSource, source } from '../../../src/enrich/sources/source.ts'
import { answerOf, askAll } from './asking.ts'

const echo = source((value: unknown) => value, { name: 'profiles' })
const zod = z.object({ tier: z.string(), since: z.coerce.date().optional() })
const json = jsonSchema<{ tier: string }>({
  type: 'object',
  required: ['tier'],
  properties: { tier: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } } },
})

describe.each([
  ['a Standard Schema', zod],
  ['a JSON Schema', json],
])('an answer checked against %s', (_, schema) => {
  it('passes when it fits, has more than asked for, or is null', async () => {
    const { outcomes, host } = await askAll(checked(echo, schema), [
      { tier: 'gold' },
      { tier: 'gold', added: 1 },
      null,
    ])
    expect(outcomes.map(answerOf)).toMatchObject([{ tier: 'gold' }, { tier: 'gold' }, null])
    expect(host.metric('enrich-schema-refused-total')).toBe(0)
  })

  it('goes to the dead letter when it does not, with the field, counted, and is not asked for again', async () => {
    const { outcomes, host } = await askAll(checked(echo, schema), [{ tier: 7 }, {}, { tier: 'gold' }])
    expect(outcomes[0]).toMatchObject({
      kind: 'dead-letter',
      error: { code: 'SLUICE_ENRICH_SCHEMA', message: expect.stringContaining('tier') as string },
    })
    expect(outcomes.map(({ kind }) => kind)).toEqual(['dead-letter', 'dead-letter', 'emit'])
    expect(host.metric('enrich-schema-refused-total')).toBe(2)
    expect(host.metric('enrich-retries-total')).toBe(0)
  })

  it('fails alone in a batch', async () => {
    const many = batchSource((values: readonly unknown[]) => values)
    const { outcomes } = await askAll(checked(many, schema), [{ tier: 'gold' }, { tier: 7 }, null])
    expect(outcomes.map(({ kind }) => kind)).toEqual(['emit', 'dead-letter', 'emit'])
  })

  it('falls back like any failure', async () => {
    const { outcomes } = await askAll(checked(echo, schema), [{ tier: 7 }], { fallback: { tier: 'none' } })
    expect(answerOf(outcomes[0]!)).toEqual({ tier: 'none' })
  })
})

describe('a schema', () => {
  it('may transform the answer', async () => {
    const { outcomes } = await askAll(checked(echo, zod), [{ tier: 'gold', since: '2026-11-21' }])
    expect(answerOf(outcomes[0]!)).toEqual({ tier: 'gold', since: new Date('2026-11-21') })
  })

  it('names every problem of a nested JSON document', async () => {
    const { outcomes } = await askAll(checked(echo, json), [{ tier: 1, tags: [1, 'a'] }])
    expect(outcomes[0]).toMatchObject({
      error: {
        message: 'profiles: the answer does not fit its schema: tier: must be string; tags.0: must be string',
      },
    })
  })
})
