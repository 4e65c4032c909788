/** Addresses of brokers, as users write them. */
import { describe, expect, it } from 'vitest'
import { parseAddress, showAddress } from '../../../../src/brokers/kafka/network/address.ts'

describe('an address', () => {
  it.each([
    ['kafka-1:9093', { host: 'kafka-1', port: 9093 }],
    ['kafka.example', { host: 'kafka.example', port: 9092 }],
    [' 10.0.0.1:1 ', { host: '10.0.0.1', port: 1 }],
    ['[::1]:9092', { host: '::1', port: 9092 }],
  ])('%s is read, and shown as it can be read again', (text, address) => {
    expect(parseAddress(text)).toEqual(address)
    expect(parseAddress(showAddress(address))).toEqual(address)
  })

  it.each(['', 'a:b', 'kafka:0', 'kafka:70000', 'kafka://a:1', 'a b:1', '::1'])('"%s" is none', (text) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ code: 'SLUICE_CONFIG_INVALID' }) as Error,
    )
  })
})
