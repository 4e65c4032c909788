/** Addresses of databases as users may see them in messages and metrics. */
import { sluiceError } from '../../core/errors.ts'
import { HIDDEN } from '../../core/config.ts'

/** The address without user, password and options. @throws SLUICE_CONFIG_INVALID */
export function namedWithoutSecrets(url: string, protocols: readonly string[], place: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !protocols.includes(parsed.protocol)) {
    const expected = `an address that starts with ${protocols.map((one) => `${one}//`).join(' or ')}`
    throw sluiceError('SLUICE_CONFIG_INVALID', { place: `${place}: url`, expected, came: HIDDEN })
  }
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`
}
