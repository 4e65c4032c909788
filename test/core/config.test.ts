/** Specs of option objects: what is read, refused, suggested and documented. */
import { describe, expect, it } from 'vitest'
import {
  choiceField,
  countField,
  customField,
  defineConfig,
  durationField,
  flagField,
  lintUnknown,
  nearest,
  optional,
  textField,
} from '../../src/core/config.ts'
import { isSluiceError } from '../../src/core/errors.ts'

const spec = defineConfig({
  order: choiceField(['key', 'none'], { doc: 'Which | order.', default: 'key' }),
  concurrency: countField({ doc: 'Calls.', default: 32, min: 1, max: 100 }),
  timeout: durationField({ doc: 'Limit.', default: '2s' }),
  name: optional(textField({ doc: 'Name.', example: 'profiles' })),
  verbose: flagField({ doc: 'More.', default: false }),
  password: textField({ doc: 'Of the service.', secret: true }),
})

function problem(run: () => unknown): { code: string; message: string; fix: string } {
  try {
    run()
  } catch (error) {
    if (isSluiceError(error)) return { code: error.code, message: error.message, fix: error.fix }
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('a config spec', () => {
  it('fills in defaults, reads durations and leaves optional fields undefined', () => {
    expect(spec.parse({ password: 'p', timeout: '1.5m', name: undefined }, 'x')).toEqual({
      order: 'key',
      concurrency: 32,
      timeout: 90_000,
      name: undefined,
      verbose: false,
      password: 'p',
    })
  })

  it('refuses an unknown option and suggests the nearest', () => {
    expect(problem(() => spec.parse({ password: 'p', concurency: 3 }, 'enrich profile'))).toEqual({
      code: 'SLUICE_CONFIG_UNKNOWN',
      message: 'enrich profile: unknown option "concurency"; did you mean "concurrency"?',
      fix: expect.stringContaining('order, concurrency, timeout') as string,
    })
    expect(problem(() => lintUnknown(['elephant'], ['key'], 'x')).message).toBe(
      'x: unknown option "elephant"',
    )
  })

  it.each([
    [{ concurrency: 0 }, 'x: concurrency: expected whole number 1 to 100, got 0'],
    [{ concurrency: 1.5 }, 'got 1.5'],
    [{ concurrency: '3' }, 'got "3"'],
    [{ order: 'any' }, "expected 'key' | 'none', got \"any\""],
    [{ timeout: 'soon' }, 'x: timeout: expected a duration'],
    [{ timeout: -1 }, 'x: timeout: expected a duration'],
    [{ name: '' }, 'x: name: expected text, got ""'],
    [{ verbose: 'yes' }, 'expected boolean, got "yes"'],
    [{ verbose: null }, 'expected boolean, got null'],
    [{ name: 5n }, 'got 5'],
  ])('says what was expected and what came: %o', (options, message) => {
    const { code, message: said } = problem(() => spec.parse({ password: 'p', ...options }, 'x'))
    expect(code).toBe('SLUICE_CONFIG_INVALID')
    expect(said).toContain(message)
  })

  it('refuses something that is no object of options', () => {
    expect(problem(() => spec.parse([], 'x')).message).toBe('x: expected an object of options, got []')
    expect(problem(() => spec.parse(7, 'x')).message).toBe('x: expected an object of options, got 7')
  })

  it('demands fields without a default', () => {
    expect(problem(() => spec.parse({}, 'x')).message).toBe('x: password: expected text, got nothing')
  })

  it('never shows a secret', () => {
    const { message } = problem(() => spec.parse({ password: ['hunter2'] }, 'x'))
    expect(message).toBe('x: password: expected text, got (hidden)')
    expect(spec.redact({ password: 'hunter2', order: 'key' })).toEqual({ password: '(hidden)', order: 'key' })
  })

  it('documents itself as a markdown table', () => {
    const lines = spec.document().split('\n')
    expect(lines).toHaveLength(2 + 6)
    expect(lines[2]).toBe("| `order` | 'key' \\| 'none' | `\"key\"` | Which \\| order. |")
    expect(lines[5]).toBe('| `name` | text |  | Name. Example: `profiles`. |')
    expect(lines[7]).toBe('| `password` | text | required | Of the service. Secret. |')
  })

  it('lets a custom field read what it likes', () => {
    const pair = defineConfig({
      at: customField('a pair', { doc: 'd' }, (came) =>
        Array.isArray(came) && came.length === 2 ? came : undefined,
      ),
    })
    expect(pair.parse({ at: [1, 2] }, 'x').at).toEqual([1, 2])
    const circle: unknown[] = []
    circle.push(circle)
    expect(problem(() => pair.parse({ at: circle }, 'x')).message).toContain(
      'an object that refers to itself',
    )
  })
})

describe('the nearest name', () => {
  it.each([
    ['timeOut', 'timeout'],
    ['retires', 'retries'],
    ['cach', 'cache'],
    ['x', undefined],
    ['something', undefined],
  ])('of %s is %s', (name, expected) => {
    expect(nearest(name, ['timeout', 'retries', 'cache', 'coalesce'])).toBe(expected)
  })
})
