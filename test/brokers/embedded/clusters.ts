/** Embedded clusters under test: in memory and in a folder, straight or through the hostile adapter. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClusterUnderTest } from '../contract/harness.ts'
import { TestClock } from '../test-clock.ts'
import type { EmbeddedCluster } from '../../../src/brokers/embedded/cluster.ts'
import { openEmbedded } from '../../../src/brokers/embedded/cluster.ts'
import type { HostileFaults } from '../../../src/testing/hostile-broker.ts'
import { hostileBroker } from '../../../src/testing/hostile-broker.ts'
import { systemDisk } from '../../../src/platform/disk.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'

export async function memoryCluster(faults?: HostileFaults): Promise<ClusterUnderTest> {
  const clock = new TestClock()
  const cluster = await openEmbedded({ clock, random: seededRandom('memory') })
  return underTest(cluster, clock, faults)
}

export function underTest(
  cluster: EmbeddedCluster,
  clock: TestClock,
  faults?: HostileFaults,
): ClusterUnderTest {
  const random = seededRandom('clients')
  return {
    connect: async () => {
      const own = clock.stoppable()
      const broker = cluster.connect({ clock: own, random })
      if (faults === undefined) return { broker, stop: own.stop }
      return { broker: hostileBroker(broker, { clock, random, faults }), stop: own.stop }
    },
    elapse: (ms) => clock.elapse(ms),
    now: () => clock.monotonic(),
    clean: () => cluster.clean(),
    close: () => cluster.close(),
  }
}

/** On the real disk, in a folder that is removed afterwards. */
export async function folderCluster(faults?: HostileFaults): Promise<ClusterUnderTest> {
  const clock = new TestClock()
  const folder = await mkdtemp(join(tmpdir(), 'sluice-broker-'))
  const cluster = await openEmbedded({ clock, random: seededRandom('folder'), disk: systemDisk, folder })
  const inner = underTest(cluster, clock, faults)
  return {
    ...inner,
    close: async () => {
      await inner.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
