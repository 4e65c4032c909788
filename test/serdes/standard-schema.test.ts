/** json(schema) with the schemas people bring: types inferred from each, values checked and transformed as each says. */
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { defineApp, json, string, topic } from '../../src/index.ts'
import type { Serde, Stream } from '../../src/index.ts'

interface Rating {
  stars: number
  text: string | null
}

const schemas = {
  zod: json(z.object({ stars: z.number(), text: z.string().nullable() })),
  valibot: json(v.object({ stars: v.number(), text: v.nullable(v.string()) })),
  arktype: json(type({ stars: 'number', text: 'string | null' })),
}

describe('json with a schema', () => {
  test('has the type of its output', () => {
    expectTypeOf(schemas.zod).toEqualTypeOf<Serde<Rating>>()
    expectTypeOf(schemas.valibot).toEqualTypeOf<Serde<Rating>>()
    expectTypeOf(schemas.arktype).toEqualTypeOf<Serde<Rating>>()
  })

  test('has the type of what a transformation gives, not of what lies in the topic', () => {
    const year = (text: string): Date => new Date(text)
    expectTypeOf(json(z.string().transform(year))).toEqualTypeOf<Serde<Date>>()
    expectTypeOf(json(v.pipe(v.string(), v.transform(year)))).toEqualTypeOf<Serde<Date>>()
    expectTypeOf(json(type('string').pipe(year))).toEqualTypeOf<Serde<Date>>()
    for (const serde of [
      json(z.string().transform(year)),
      json(v.pipe(v.string(), v.transform(year))),
      json(type('string').pipe(year)),
    ])
      expect(serde.deserialize(Buffer.from('"2026-01-01"'))).toEqual(new Date('2026-01-01'))
  })

  test('flows through the verbs', () => {
    for (const value of Object.values(schemas)) {
      const ratings = topic('ratings', { key: string, value })
      const app = defineApp('typed', (flow) => {
        const stream = flow.stream(ratings)
        expectTypeOf(stream).toEqualTypeOf<Stream<string, Rating>>()
        expectTypeOf(stream.mapValues((rating) => rating.text)).toEqualTypeOf<Stream<string, string | null>>()
        // @ts-expect-error no such field
        stream.filter((rating) => rating.star < 3)
      })
      expect(app.plan().sourceTopics).toEqual(['ratings'])
    }
  })

  test.each(Object.entries(schemas))(
    'of %s passes what fits and names the field that does not',
    (_, serde) => {
      expect(serde.deserialize(Buffer.from('{"stars":3,"text":null}'))).toEqual({ stars: 3, text: null })
      expect(() => serde.deserialize(Buffer.from('{"stars":"3","text":null}'))).toThrow(/stars/)
    },
  )
})
