/** The settings of one broker of a test cluster, as `server.properties`. */
import type { Certificates } from './certificates.ts'

/** Listeners by what a client needs to connect. `plain` is there always; brokers talk to each other through it. */
export type ListenerName = 'plain' | SecureListener

export type SecureListener = 'sasl' | 'tls' | 'mutualTls' | 'saslTls'

export interface User {
  readonly name: string
  readonly password: string
}

/** The first is a super user, the second has only the rights that ACLs give it. */
export const USERS: readonly [admin: User, user: User] = [
  { name: 'admin', password: 'admin-secret' },
  { name: 'alice', password: 'alice=secret' },
]

export interface BrokerPlan {
  readonly id: number
  readonly folder: string
  readonly controllerPort: number
  readonly ports: ReadonlyMap<ListenerName, number>
}

export interface ClusterPlan {
  readonly brokers: readonly BrokerPlan[]
  /** Needed if there are listeners besides `plain`. */
  readonly certificates: Certificates | undefined
  /** Deny what no ACL allows; who comes in through `plain` may do everything. */
  readonly acls: boolean
  /** More settings, over ours. */
  readonly config: Readonly<Record<string, string>>
}

const PROTOCOLS: Readonly<Record<ListenerName, string>> = {
  plain: 'PLAINTEXT',
  sasl: 'SASL_PLAINTEXT',
  tls: 'SSL',
  mutualTls: 'SSL',
  saslTls: 'SASL_SSL',
}

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']

/** For tests: nothing is made unasked, groups and transactions react in a second, records of old time are kept. */
const FOR_TESTS: Readonly<Record<string, string>> = {
  'auto.create.topics.enable': 'false',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  'group.consumer.min.session.timeout.ms': '1000',
  'group.consumer.min.heartbeat.interval.ms': '100',
  'group.streams.min.session.timeout.ms': '1000',
  'group.streams.min.heartbeat.interval.ms': '100',
  'group.streams.initial.rebalance.delay.ms': '0',
  'log.cleaner.backoff.ms': '200',
  'log.retention.check.interval.ms': '3600000',
  'offsets.topic.num.partitions': '4',
  'transaction.state.log.num.partitions': '4',
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
}

/** The text of `server.properties`. */
export function serverProperties(cluster: ClusterPlan, broker: BrokerPlan): string {
  const settings = {
    ...basics(cluster, broker),
    ...replication(cluster.brokers.length),
    ...FOR_TESTS,
    ...(cluster.certificates === undefined ? {} : security(cluster.certificates)),
    ...(cluster.acls ? acls() : {}),
    ...cluster.config,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${escapeValue(value)}\n`)
    .join('')
}

/** Backslashes and line ends are the only special characters of values in properties. */
function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function basics({ brokers }: ClusterPlan, broker: BrokerPlan): Readonly<Record<string, string>> {
  const listeners = [...broker.ports].map(([name, port]) => `${name.toUpperCase()}://127.0.0.1:${port}`)
  const protocols = [...broker.ports.keys()].map((name) => `${name.toUpperCase()}:${PROTOCOLS[name]}`)
  return {
    'process.roles': 'broker,controller',
    'node.id': String(broker.id),
    'controller.quorum.voters': brokers
      .map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`)
      .join(','),
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${broker.controllerPort}`].join(','),
    'advertised.listeners': listeners.join(','),
    'listener.security.protocol.map': [...protocols, 'CONTROLLER:PLAINTEXT'].join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAIN',
    'log.dirs': `${broker.folder}/data`,
  }
}

function replication(brokers: number): Readonly<Record<string, string>> {
  const factor = String(Math.min(brokers, 3))
  const inSync = brokers >= 3 ? '2' : '1'
  return {
    'default.replication.factor': factor,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': factor,
    'transaction.state.log.replication.factor': factor,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': factor,
    'share.coordinator.state.topic.min.isr': inSync,
  }
}

function security({ ca, broker }: Certificates): Readonly<Record<string, string>> {
  const users = USERS.map(({ name, password }) => `user_${name}="${password}"`).join(' ')
  const common = 'org.apache.kafka.common.security'
  const logins = ['sasl', 'sasltls'].flatMap((listener) => [
    [
      `listener.name.${listener}.plain.sasl.jaas.config`,
      `${common}.plain.PlainLoginModule required ${users};`,
    ],
    ...['scram-sha-256', 'scram-sha-512'].map((mechanism) => [
      `listener.name.${listener}.${mechanism}.sasl.jaas.config`,
      `${common}.scram.ScramLoginModule required;`,
    ]),
    [
      `listener.name.${listener}.oauthbearer.sasl.jaas.config`,
      `${common}.oauthbearer.OAuthBearerLoginModule required;`,
    ],
  ])
  return {
    'sasl.enabled.mechanisms': MECHANISMS.join(','),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': broker.cert,
    'ssl.keystore.key': broker.key,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.certificates': ca,
    'listener.name.mutualtls.ssl.client.auth': 'required',
    ...(Object.fromEntries(logins) as Record<string, string>),
  }
}

function acls(): Readonly<Record<string, string>> {
  return {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': `User:${USERS[0].name};User:ANONYMOUS`,
    'allow.everyone.if.no.acl.found': 'false',
  }
}
