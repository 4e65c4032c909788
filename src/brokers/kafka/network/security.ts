/** How connections to Kafka are secured. Secrets stay in these objects: nothing logs them or puts them in an error. */
import type { Bytes } from '../../../core/record.ts'

export interface Security {
  /** Absent: plain TCP. */
  readonly tls?: TlsSecurity
  /** Absent: nobody logs in (or a client certificate does). */
  readonly sasl?: SaslSecurity
}

/** PEM texts, as `node:tls` takes them. */
export interface TlsSecurity {
  /** Authorities to trust instead of the system's. */
  readonly ca?: string | Bytes
  /** The client's own certificate and key, for mutual TLS. */
  readonly cert?: string | Bytes
  readonly key?: string | Bytes
  readonly passphrase?: string
  /** Name the broker's certificate must have, where it is not the host connected to. */
  readonly serverName?: string
}

export type SaslSecurity = PasswordLogin | OAuthLogin

export interface PasswordLogin {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: string
}

export interface OAuthLogin {
  readonly mechanism: 'OAUTHBEARER'
  /** Asked for a token at every login and before a session ends (KIP-368). It may reject: the connection then fails. */
  token(): Promise<OAuthToken>
}

export interface OAuthToken {
  /** As it goes on the wire: a JWT, without `Bearer`. */
  readonly value: string
  /** SASL extensions (KIP-342), such as `logicalCluster`. */
  readonly extensions?: Readonly<Record<string, string>>
}
