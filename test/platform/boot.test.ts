import { describe, expect, it } from 'vitest'
import { bootId, sameBoot } from '../../src/platform/boot.ts'

describe('two boots', () => {
  it('are the same when their ids are', () => {
    expect(sameBoot(bootId(), bootId())).toBe(true)
    expect(sameBoot('8e1f', '8e2f')).toBe(false)
  })

  it('are the same within a minute, whatever the host is called by now, where the id is made of the boot time', () => {
    expect(sameBoot('mac.local@59000000', 'mac.local@59000001')).toBe(true)
    expect(sameBoot('mac.local@59000000', 'mac.lan@58999998')).toBe(true)
    expect(sameBoot('mac.local@59000000', 'mac.local@59000003')).toBe(false)
    expect(sameBoot('mac.local@59000000', '8e1f')).toBe(false)
  })
})
