/** A real Kafka under test: each cluster of the contract is a prefix of names on one broker, whose time cannot be moved. */
import type { Broker } from '../../../src/core/broker.ts'
import type { Clock } from '../../../src/core/clock.ts'
import { SILENT } from '../../../src/core/log.ts'
import type { KafkaOptions } from '../../../src/brokers/kafka/index.ts'
import { connectKafka } from '../../../src/brokers/kafka/index.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { systemRandom } from '../../../src/platform/random.ts'
import type { HostileFaults } from '../../../src/testing/hostile-broker.ts'
import { hostileBroker } from '../../../src/testing/hostile-broker.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'
import type { ClusterUnderTest } from '../contract/harness.ts'
import { renamedBroker } from './renamed-broker.ts'

/** Sessions and transactions last a fifth of what the contract says, so that waiting for their end does, too. */
const SPEED = 5

let clusters = 0

export interface KafkaUnderTest {
  readonly bootstrap: readonly string[]
  readonly options?: Partial<KafkaOptions>
  readonly faults?: HostileFaults
}

export async function kafkaCluster(kafka: KafkaUnderTest): Promise<ClusterUnderTest> {
  const prefix = `t${process.pid}-${clusters++}-`
  const clients: Broker[] = []
  const random = seededRandom('clients')
  return {
    async connect() {
      // Stopped, its heartbeats end as those of a killed process; calls still go out, as those of a zombie.
      const clock = stoppableClock()
      const connected = await connectKafka({
        clientId: 'sluice-test',
        clock,
        random: systemRandom,
        log: SILENT,
        ...kafka.options,
        bootstrap: kafka.bootstrap,
      })
      clients.push(connected)
      const broker = renamedBroker(connected, { prefix, speed: SPEED })
      const { faults } = kafka
      if (faults === undefined) return { broker, stop: clock.stop }
      return { broker: hostileBroker(broker, { clock: systemClock, random, faults }), stop: clock.stop }
    },
    elapse: (ms) => new Promise((resolve) => setTimeout(resolve, ms / SPEED)),
    now: () => systemClock.monotonic() * SPEED,
    async close() {
      await Promise.all(clients.map((broker) => broker.close()))
    },
  }
}

/** Shorter than the heartbeats of the contract at this speed: the pauses of a call that is repeated. */
const SHORT_MS = 195

/** The real clock; once it was stopped, timers no longer fire but for the short ones of calls that a zombie still makes. */
function stoppableClock(): Clock & { stop(): void } {
  let stopped = false
  return {
    ...systemClock,
    setTimer: (ms, run) => {
      const ofZombie = stopped && ms < SHORT_MS
      return systemClock.setTimer(ms, () => (stopped && !ofZombie ? undefined : run()))
    },
    stop: () => {
      stopped = true
    },
  }
}
