/** Addresses of brokers as users write them. */
import { sluiceError } from '../../../core/errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

const DEFAULT_PORT = 9092

/**
 * `host`, `host:port` or `[ipv6]:port`.
 * @throws SLUICE_CONFIG_INVALID
 */
export function parseAddress(text: string): Address {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/.exec(text.trim())
  const host = parts?.[1] ?? parts?.[2]
  const port = parts?.[3] === undefined ? DEFAULT_PORT : Number(parts[3])
  if (host === undefined || port < 1 || port > 65_535) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: 'bootstrap',
      expected: 'addresses of Kafka brokers such as kafka-1:9092',
      came: JSON.stringify(text),
    })
  }
  return { host, port }
}

/** As in messages. */
export function showAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
