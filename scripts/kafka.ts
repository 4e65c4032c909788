/**
 * A real Apache Kafka on this machine, until Ctrl-C: by Java and Maven, else by Docker; with KAFKA_BOOTSTRAP set, the one
 * that is there already. `node scripts/kafka.ts --help`
 */
import { parseArgs } from 'node:util'
import { startKafka } from './kafka/start.ts'

const HELP = `node scripts/kafka.ts [options]        prints the bootstrap address and runs until Ctrl-C
  --brokers <n>      1 (default) or more; 3 for replication
  --port <port>      of the first broker (default 9092; 0: a free one)
  --folder <path>    where its data lies and is kept (default: a temporary folder)
  --security         also listeners with SASL, TLS, mutual TLS, SASL over TLS; says users and certificates
  --acls             deny what no ACL allows (the plain listener may do everything)
  --config <k=v>     a setting of the brokers; may be repeated`

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '1' },
    port: { type: 'string', default: '9092' },
    folder: { type: 'string' },
    security: { type: 'boolean', default: false },
    acls: { type: 'boolean', default: false },
    config: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(HELP)
} else if (process.env['KAFKA_BOOTSTRAP'] !== undefined) {
  console.log(process.env['KAFKA_BOOTSTRAP'])
} else {
  const kafka = await startKafka({
    brokers: Number(values.brokers),
    port: Number(values.port),
    acls: values.acls,
    security: values.security ? ['sasl', 'tls', 'mutualTls', 'saslTls'] : [],
    config: Object.fromEntries(
      values.config.map((setting) => setting.split(/=(.*)/s).slice(0, 2) as [string, string]),
    ),
    ...(values.folder === undefined ? {} : { folder: values.folder }),
  })
  console.log(kafka.bootstrap.join(','))
  for (const [listener, addresses] of Object.entries(kafka.listeners)) {
    if (listener !== 'plain' && addresses.length > 0) console.log(`${listener}: ${addresses.join(',')}`)
  }
  if (values.security) {
    const pem = ['ca.crt', 'client.crt', 'client.key'].map((name) => `${kafka.folder}/${name}`)
    console.log(`certificates: ${pem.join(', ')}`)
  }
  if (values.security)
    console.log(`users: ${kafka.users.map(({ name, password }) => `${name} / ${password}`).join(', ')}`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      kafka.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error)
          process.exit(1)
        },
      )
    })
  }
}
