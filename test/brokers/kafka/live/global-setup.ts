/**
 * One real broker for all live tests of a run: started by the first test that asks for it, stopped at the end. Test files
 * run in processes of their own, so they ask over a local port.
 */
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { TestProject } from 'vitest/node'
import { findMachine } from '../../../../scripts/kafka/machine.ts'
import { startKafka, whyNoKafka } from '../../../../scripts/kafka/start.ts'
import type { Kafka } from '../../../../scripts/kafka/start.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Why there is no Kafka here; '' if there is. */
    readonly whyNoKafka: string
    /** False where it is the one of KAFKA_BOOTSTRAP, of which nothing but its address is known. */
    readonly kafkaIsOurs: boolean
    /** Where the broker is asked for. */
    readonly kafkaPort: number
    /** The whole matrix is wanted: `npm run test:kafka`. */
    readonly kafkaMatrix: boolean
  }
}

/** Logins by token end soon, so that their renewal can be tested. */
const CONFIG = {
  'listener.name.sasl.oauthbearer.connections.max.reauth.ms': '2500',
}

let kafka: Promise<Kafka> | undefined
const server = createServer((socket) => {
  answer(socket).catch((error: unknown) => socket.end(JSON.stringify({ error: String(error) })))
})

async function answer(socket: Socket): Promise<void> {
  kafka ??= startKafka({ security: ['sasl', 'tls', 'mutualTls', 'saslTls'], acls: true, config: CONFIG })
  const { bootstrap, listeners, certificates, users } = await kafka
  socket.end(JSON.stringify({ bootstrap, listeners, certificates, users }))
}

export async function setup(project: TestProject): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  project.provide('whyNoKafka', whyNoKafka() ?? '')
  project.provide('kafkaIsOurs', findMachine().kind !== undefined)
  project.provide('kafkaMatrix', project.vitest.config.mode === 'kafka')
  project.provide('kafkaPort', (server.address() as AddressInfo).port)
}

export async function teardown(): Promise<void> {
  server.close()
  // One that did not start has told the tests already.
  const started = await kafka?.catch(() => undefined)
  await started?.stop()
}
