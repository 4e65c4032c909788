/** How people name a broker: `embedded`, or a Kafka cluster by some of its addresses. */

const SCHEME = 'kafka://'

/** Undefined for what names none. */
export function brokerKind(address: string): 'embedded' | 'kafka' | undefined {
  if (address === 'embedded') return 'embedded'
  return address.startsWith(SCHEME) && address.length > SCHEME.length ? 'kafka' : undefined
}

/** `kafka://a:9092,b:9092` → its addresses. */
export function bootstrapOf(address: string): readonly string[] {
  return address
    .slice(SCHEME.length)
    .split(',')
    .map((one) => one.trim().replace(/\/$/, ''))
}
