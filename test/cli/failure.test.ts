/** What a failing command says and which exit code tells whose move it is. */
import { describe, expect, it } from 'vitest'
import { asSluiceError, describeFailure, EXIT_CODES, failureJson } from '../../src/cli/failure.ts'
import { refuseNode } from '../../src/cli/node-version.ts'
import { ERRORS, sluiceError } from '../../src/core/errors.ts'

describe('a failure', () => {
  const error = sluiceError('SLUICE_TOPIC_EXISTS', { topic: 'orders' })

  it('is code, message and what to do for people', () => {
    expect(describeFailure(error)).toBe(
      'error SLUICE_TOPIC_EXISTS\n  topic "orders" exists already\n  What to do: Use it as it is or delete it first.\n',
    )
  })

  it('is one line of JSON for programs', () => {
    expect(JSON.parse(failureJson(error))).toMatchObject({
      event: 'failed',
      code: 'SLUICE_TOPIC_EXISTS',
      domain: 'user',
    })
  })

  it('of anything unknown is ours, and keeps the stack', () => {
    const wrapped = asSluiceError(new TypeError('x is undefined'))
    expect(EXIT_CODES[wrapped.domain]).toBe(3)
    expect(describeFailure(wrapped)).toContain('failure.test.ts')
  })

  it('has an exit code for every domain there is', () => {
    for (const { domain } of Object.values(ERRORS)) expect(EXIT_CODES[domain]).toBeGreaterThan(0)
  })
})

describe('a Node.js that is too old', () => {
  it('is told which one is needed', () => {
    const written: string[] = []
    const write = process.stderr.write
    process.stderr.write = (text: string | Uint8Array): boolean => written.push(String(text)) > 0
    try {
      expect(refuseNode('24.15', '20.11.0')).toBe(1)
    } finally {
      process.stderr.write = write
    }
    expect(written.join('')).toContain('Sluice needs Node.js 24.15 or newer, this is 20.11.0')
    expect(written.join('')).toContain('What to do: Install a newer Node.js')
  })
})
