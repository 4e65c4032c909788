import { brokerContract } from '../contract.ts'
import type { ClusterUnderTest } from '../contract/harness.ts'
import { TestClock } from '../test-clock.ts'
import { openEmbedded } from '../../../src/brokers/embedded/cluster.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'

async function memoryCluster(): Promise<ClusterUnderTest> {
  const clock = new TestClock()
  const random = seededRandom('memory')
  const cluster = await openEmbedded({ clock, random })
  return {
    connect: () => {
      const own = clock.stoppable()
      return { broker: cluster.connect({ clock: own, random }), stop: own.stop }
    },
    elapse: (ms) => clock.elapse(ms),
    clean: () => cluster.clean(),
    close: () => cluster.close(),
  }
}

brokerContract('embedded, in memory', memoryCluster)
