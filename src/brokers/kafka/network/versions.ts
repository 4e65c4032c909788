/** The versions of APIs that one broker offers, and the features of its cluster, as ApiVersions tells them. */
import { sluiceError } from '../../../core/errors.ts'
import type { Api } from '../protocol/api.ts'
import type { ApiVersionsResponse } from '../protocol/messages/api-versions.ts'

type AnyApi = Pick<Api<never, unknown>, 'key' | 'name' | 'minVersion' | 'maxVersion'>

export interface Versions {
  /** The latest version that both sides speak, up to `cap`; undefined if there is none. */
  common(api: AnyApi, cap?: number): number | undefined
  /** @throws SLUICE_UNSUPPORTED */
  required(api: AnyApi, cap?: number): number
  readonly features: Features
}

export interface Features {
  /** Grows with every change; the answer of a broker that lags behind has a lower one. */
  readonly epoch: number
  /** Levels that are switched on in the whole cluster. */
  readonly levels: ReadonlyMap<string, number>
}

export function versionsOf(response: ApiVersionsResponse, broker: string): Versions {
  const offered = new Map(response.apiKeys.map((api) => [api.apiKey, api]))
  const common = (api: AnyApi, cap = Infinity): number | undefined => {
    const range = offered.get(api.key)
    if (range === undefined) return undefined
    const version = Math.min(api.maxVersion, range.maxVersion, cap)
    return version >= Math.max(api.minVersion, range.minVersion) ? version : undefined
  }
  return {
    common,
    required(api, cap) {
      const version = common(api, cap)
      if (version === undefined) throw noCommonVersion(api, offered.get(api.key), broker)
      return version
    },
    features: {
      epoch: response.finalizedFeaturesEpoch,
      levels: new Map(response.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel])),
    },
  }
}

function noCommonVersion(
  api: AnyApi,
  range: { readonly minVersion: number; readonly maxVersion: number } | undefined,
  broker: string,
): Error {
  const theirs =
    range === undefined ? 'does not have it' : `speaks versions ${range.minVersion} to ${range.maxVersion}`
  return sluiceError('SLUICE_UNSUPPORTED', {
    what: `${api.name} of Kafka`,
    problem: `${broker} ${theirs}, Sluice versions ${api.minVersion} to ${api.maxVersion}`,
    remedy: 'Use a broker of another release (Kafka 2.1 or newer), or do without what needs it.',
  })
}
