/**
 * Every setting of an application that runs: those of the engine and those of what stands around it. One spec from which file,
 * environment, flags, `sluice config` and the reference are read; no other place knows a setting or its default.
 */
import { choiceField, countField, customField, defineConfig, optional, textField } from '../../core/config.ts'
import type { ConfigSpec, Field, Parsed } from '../../core/config.ts'
import { engineSpec } from '../../engine/runtime/options.ts'
import type { EngineConfig, EngineFields } from '../../engine/runtime/options.ts'
import type { Compression } from '../../brokers/record-batch/compress.ts'
import { brokerKind } from '../broker-address.ts'
import { DEFAULT_PARTITIONS, LOG_LEVELS } from '../run-options.ts'
import type { LogLevel } from '../run-options.ts'

/**
 * What a configuration file, `start` and the command line may state; `sluice config` lists all of it. Text may refer to secrets:
 * `${env:NAME}`, `${file:/path}`, `${file:/path:key}`.
 */
export interface Config extends EngineConfig {
  /** Where topics live: `embedded` (the default), or a Kafka cluster: `kafka://host:port,host:port`. */
  readonly broker?: string
  /** YAML or JSON file with `tls` and `sasl` for Kafka. Default: plain connections, no login. */
  readonly brokerSecurity?: string
  /** Compression of what is produced to Kafka. Default `none`. */
  readonly compression?: Compression
  /** Keeps topics and state here; one process at a time. Default: in memory, gone at the end. */
  readonly folder?: string
  /** Where local state lies. Default: `<folder>/state`, or a throw-away folder. */
  readonly state?: string
  /** Lowest level written to stderr by the command line. Default `warn`. */
  readonly logLevel?: LogLevel
  /** Health, metrics, topology and topics over HTTP here; 0 takes a free port. Default: no server. */
  readonly serverPort?: number
  /** Where other instances reach this server. Default: `http://<serverHost>:<serverPort>`, or nowhere with port 0. */
  readonly serverUrl?: string
  /** Default `127.0.0.1`: only this machine. */
  readonly serverHost?: string
  /** Wanted as `Authorization: Bearer …` for everything but health and readiness. Default: none. */
  readonly serverToken?: string
}

type SettingsFields = EngineFields & {
  readonly broker: Field<string>
  readonly brokerSecurity: Field<string | undefined>
  readonly compression: Field<Compression>
  readonly folder: Field<string | undefined>
  readonly state: Field<string | undefined>
  readonly logLevel: Field<LogLevel>
  readonly serverPort: Field<number | undefined>
  readonly serverUrl: Field<string | undefined>
  readonly serverHost: Field<string>
  readonly serverToken: Field<string | undefined>
}

/** A configuration with everything filled in, durations in milliseconds. */
export type Settings = Parsed<SettingsFields>

export type SettingName = keyof SettingsFields

export const settingsSpec: ConfigSpec<SettingsFields> = defineConfig<SettingsFields>({
  broker: customField(
    "'embedded' | 'kafka://host:port,…'",
    {
      doc: 'Where topics live: here, or in a Kafka cluster.',
      default: 'embedded',
      example: 'kafka://localhost:9092',
    },
    (came) => (typeof came === 'string' && brokerKind(came) !== undefined ? came : undefined),
  ),
  brokerSecurity: optional(
    textField({
      doc: 'YAML or JSON file with `tls` and `sasl` for Kafka; default: plain connections, no login.',
      example: './kafka-security.yaml',
    }),
  ),
  compression: choiceField(['none', 'gzip', 'snappy', 'lz4', 'zstd'], {
    doc: 'Compression of what is produced to Kafka.',
    default: 'none',
  }),
  folder: optional(
    textField({
      doc: 'Keeps topics and state here; one process at a time. Default: in memory, gone at the end.',
      example: './data',
    }),
  ),
  state: optional(
    textField({ doc: 'Where local state lies; default `<folder>/state`, or a throw-away folder.' }),
  ),
  logLevel: choiceField(LOG_LEVELS, {
    doc: 'Lowest level written to stderr by the command line.',
    default: 'warn',
  }),
  serverPort: optional(
    countField({
      doc: 'Health, metrics, topology and topics over HTTP here; 0 takes a free port. Default: no server.',
      example: '8080',
      max: 65_535,
    }),
  ),
  serverUrl: optional(
    textField({
      doc: 'Where other instances reach this server; default `http://<serverHost>:<serverPort>`, or nowhere with port 0.',
      example: 'http://10.0.0.7:8080',
    }),
  ),
  serverHost: textField({
    doc: 'Address of the server; 0.0.0.0 opens it to other machines.',
    default: '127.0.0.1',
  }),
  serverToken: optional(
    textField({
      doc: 'Wanted as `Authorization: Bearer …` for everything but health and readiness.',
      example: '${file:/run/secrets/sluice:token}',
      secret: true,
    }),
  ),
  ...engineSpec.fields,
  createTopicPartitions: countField({
    doc: 'Creates missing topics with so many partitions; 0: a missing topic is an error.',
    default: DEFAULT_PARTITIONS,
    max: 10_000,
  }),
})

export const SETTING_NAMES = Object.keys(settingsSpec.fields) as readonly SettingName[]
