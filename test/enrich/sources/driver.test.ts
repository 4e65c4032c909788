import { expect, it } from 'vitest'
import { loadDriver } from '../../../src/enrich/sources/driver.ts'
import { sourceError } from '../../../src/enrich/sources/source-error.ts'
import { source } from '../../../src/enrich/sources/source.ts'
import { askAll } from './asking.ts'

// The name is put together so that nobody looks for the package at build time.
const missing = (): Promise<unknown> => import(['not', 'installed', 'here'].join('-'))

it('a driver that is not installed is named with what to install, and not asked for again', async () => {
  const asking = source(async () => {
    try {
      return await loadDriver('redis(…)', 'redis', missing)
    } catch (error) {
      throw sourceError('redis(…)', error, undefined, true)
    }
  })
  const { outcomes, host } = await askAll(asking, [1])
  expect(outcomes[0]).toMatchObject({
    error: { code: 'SLUICE_DEPENDENCY_MISSING', fix: 'npm install redis' },
  })
  expect(host.metric('enrich-retries-total')).toBe(0)
})

it('a driver that fails while it loads is not called missing', async () => {
  await expect(loadDriver('x', 'x', () => Promise.reject(new Error('broken binary')))).rejects.toThrow(
    'broken binary',
  )
})
