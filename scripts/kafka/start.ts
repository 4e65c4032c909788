/**
 * Starts real Apache Kafka brokers on 127.0.0.1 for tests, benchmarks and docs: 1 or more in KRaft mode, on free ports, with
 * TLS, logins and ACLs on demand. Used by scripts/kafka.ts and by the live tests.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connectCluster } from '../../src/brokers/kafka/cluster/connect.ts'
import { SILENT } from '../../src/core/log.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { systemRandom } from '../../src/platform/random.ts'
import { BrokerProcess } from './broker-process.ts'
import { makeCertificates } from './certificates.ts'
import type { Certificates } from './certificates.ts'
import { findMachine } from './machine.ts'
import type { Machine } from './machine.ts'
import { USERS, serverProperties } from './properties.ts'
import type { BrokerPlan, ClusterPlan, ListenerName, SecureListener, User } from './properties.ts'

export type { Certificates, ListenerName, User }

export interface KafkaOptions {
  /** 1 (the default) or more, 3 for replication and moving leaders. */
  readonly brokers?: number
  /** Listeners besides the plain one. */
  readonly security?: readonly SecureListener[]
  /** Deny what no ACL allows. Default: no authorizer. */
  readonly acls?: boolean
  /** More settings of the brokers, over those for tests. */
  readonly config?: Readonly<Record<string, string>>
  /** Of the first broker's plain listener; others are free ones. Default and 0: a free one. */
  readonly port?: number
  /** Where state and logs lie; kept. Default: a temporary folder, removed at the end. */
  readonly folder?: string
  /** MiB of heap per broker. Default 512, with several brokers 384. */
  readonly heap?: number
}

export interface Kafka {
  /** Addresses of the plain listener. */
  readonly bootstrap: readonly string[]
  /** Addresses of every listener. */
  readonly listeners: Readonly<Record<ListenerName, readonly string[]>>
  /** Where data, logs (`broker-1/broker.log`) and certificates lie; '' if it is not ours. */
  readonly folder: string
  /** Undefined without security. */
  readonly certificates: Certificates | undefined
  /** `admin`, a super user, and one that has only the rights of ACLs. */
  readonly users: readonly [admin: User, user: User]
  /** Stops a broker in order and starts it again. Brokers count from 0. */
  restart(broker: number): Promise<void>
  /** Ends a broker as a crash would; `restart` brings it back. */
  kill(broker: number): Promise<void>
  /** Stops its time; `resume` lets it go on. */
  pause(broker: number): void
  resume(broker: number): void
  stop(): Promise<void>
}

const ALL_BROKERS_MS = 60_000

/** Why Kafka cannot be started here, as a sentence; undefined if it can. */
export function whyNoKafka(): string | undefined {
  const machine = findMachine()
  return machine.kind === undefined && given() === undefined ? machine.reason : undefined
}

/** The cluster that is there already, for machines that can start none. */
function given(): readonly string[] | undefined {
  return process.env['KAFKA_BOOTSTRAP']?.split(',')
}

/**
 * Starts brokers and waits until all are in the cluster.
 * @throws with the log of a broker that does not start
 */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const machine = findMachine()
  if (machine.kind === undefined) return givenKafka(machine.reason)
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'sluice-kafka-'))
  const plan = await planCluster(options, folder)
  const processes = launch(machine, plan, options.heap ?? (plan.brokers.length > 1 ? 384 : 512))
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map((process) => process.stop()))
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
  }
  try {
    await Promise.all(processes.map((process) => process.start()))
    await allBrokers(plan)
  } catch (error) {
    await stop()
    throw error
  }
  return running(folder, plan, processes, stop)
}

/** Nothing of it is ours: it has only its plain listener, and is neither stopped nor restarted. */
function givenKafka(reason: string): Kafka {
  const bootstrap = given()
  if (bootstrap === undefined) throw new Error(`Kafka cannot be started here: ${reason}`)
  const refuse = (): never => {
    throw new Error('the brokers of KAFKA_BOOTSTRAP are not ours to stop')
  }
  return {
    bootstrap,
    listeners: { plain: bootstrap, sasl: [], tls: [], mutualTls: [], saslTls: [] },
    folder: '',
    certificates: undefined,
    users: USERS,
    restart: async () => refuse(),
    kill: async () => refuse(),
    pause: refuse,
    resume: refuse,
    stop: async () => {},
  }
}

function running(
  folder: string,
  plan: ClusterPlan,
  processes: readonly BrokerProcess[],
  stop: () => Promise<void>,
): Kafka {
  const addresses = (listener: ListenerName): readonly string[] =>
    plan.brokers.flatMap(({ ports }) => {
      const port = ports.get(listener)
      return port === undefined ? [] : [`127.0.0.1:${port}`]
    })
  return {
    bootstrap: addresses('plain'),
    listeners: {
      plain: addresses('plain'),
      sasl: addresses('sasl'),
      tls: addresses('tls'),
      mutualTls: addresses('mutualTls'),
      saslTls: addresses('saslTls'),
    },
    folder,
    certificates: plan.certificates,
    users: USERS,
    async restart(broker) {
      await processes[broker]!.stop()
      await processes[broker]!.start()
    },
    kill: (broker) => processes[broker]!.kill(),
    pause: (broker) => processes[broker]!.signal('SIGSTOP'),
    resume: (broker) => processes[broker]!.signal('SIGCONT'),
    stop,
  }
}

// ---- the plan

async function planCluster(options: KafkaOptions, folder: string): Promise<ClusterPlan> {
  const { brokers = 1, security = [], acls = false, config = {} } = options
  mkdirSync(folder, { recursive: true })
  const names: readonly ListenerName[] = ['plain', ...security]
  const free = await freePorts(brokers * (names.length + 1))
  const plans = Array.from({ length: brokers }, (_, index): BrokerPlan => {
    const [controllerPort, ...ports] = free.slice(index * (names.length + 1))
    const fixed = index === 0 && options.port !== 0 ? options.port : undefined
    return {
      id: index + 1,
      folder: join(folder, `broker-${index + 1}`),
      controllerPort: controllerPort!,
      ports: new Map(names.map((name, at) => [name, (name === 'plain' ? fixed : undefined) ?? ports[at]!])),
    }
  })
  const certificates = security.length === 0 ? undefined : makeCertificates(folder)
  return { brokers: plans, certificates, acls, config }
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.once('listening', () => resolve((server.address() as AddressInfo).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

// ---- the brokers

const LOGGING = `rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1} %m%n
`

/** A program of a second gains nothing from the later compilers. */
const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

function launch(machine: Machine, plan: ClusterPlan, heap: number): readonly BrokerProcess[] {
  // Of 16 bytes, as base64url; only its equality among brokers matters.
  const clusterId = Buffer.from(systemRandom.uuid().replaceAll('-', ''), 'hex').toString('base64url')
  return plan.brokers.map((broker) => {
    const settings = prepareFolder(plan, broker)
    const jvm = [
      `-Xms${heap}m`,
      `-Xmx${heap}m`,
      `-Dlog4j2.configurationFile=${broker.folder}/log4j2.properties`,
    ]
    format(plan, broker, (program) => machine.command(broker.folder, program, SHORT_LIVED), [
      clusterId,
      settings,
    ])
    const container = machine.kind === 'docker' ? `sluice-kafka-${broker.ports.get('plain')}` : undefined
    return new BrokerProcess({
      line: machine.command(broker.folder, ['kafka.Kafka', settings], jvm, container),
      log: join(broker.folder, 'broker.log'),
      port: broker.ports.get('plain')!,
      container,
    })
  })
}

/** Makes the folder one of the cluster, unless it is one from an earlier start. */
function format(
  plan: ClusterPlan,
  broker: BrokerPlan,
  command: (program: readonly string[]) => readonly string[],
  [clusterId, settings]: readonly [string, string],
): void {
  if (existsSync(join(broker.folder, 'data', 'meta.properties'))) return
  const program = [
    'kafka.tools.StorageTool',
    'format',
    `--cluster-id=${clusterId}`,
    '-c',
    settings,
    ...credentials(plan),
  ]
  const [java, ...line] = command(program)
  const done = spawnSync(java!, line, { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`Kafka's folder cannot be made:\n${done.stdout}${done.stderr}`)
}

/** @returns the path of its settings */
function prepareFolder(plan: ClusterPlan, broker: BrokerPlan): string {
  mkdirSync(join(broker.folder, 'data'), { recursive: true })
  writeFileSync(join(broker.folder, 'log4j2.properties'), LOGGING)
  const settings = join(broker.folder, 'server.properties')
  writeFileSync(settings, serverProperties(plan, broker))
  return settings
}

/** Passwords of SCRAM are kept by the cluster, those of PLAIN stand in its settings. */
function credentials({ certificates }: ClusterPlan): readonly string[] {
  if (certificates === undefined) return []
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
    USERS.flatMap(({ name, password }) => [
      '--add-scram',
      `${mechanism}=[name="${name}",password="${password}"]`,
    ]),
  )
}

/** A broker that takes connections is not yet one that the cluster counts on. */
async function allBrokers({ brokers }: ClusterPlan): Promise<void> {
  const bootstrap = brokers.map(({ ports }) => `127.0.0.1:${ports.get('plain')}`)
  const deadline = performance.now() + ALL_BROKERS_MS
  const ports = { clock: systemClock, random: systemRandom, log: SILENT }
  const cluster = await connectCluster({ bootstrap, clientId: 'sluice-start', ...ports })
  try {
    while (cluster.brokers().length < brokers.length) {
      if (performance.now() > deadline)
        throw new Error(`only brokers ${cluster.brokers().join(', ')} came up`)
      await delay(100)
      await cluster.refresh()
    }
  } finally {
    await cluster.close()
  }
}
