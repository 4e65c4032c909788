import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openEmbedded } from '../../../src/brokers/embedded/cluster.ts'
import { systemDisk as disk } from '../../../src/platform/disk.ts'
import { seededRandom } from '../../../src/testing/simulation/random.ts'
import { brokerContract } from '../contract.ts'
import { rejection } from '../contract/harness.ts'
import { TestClock } from '../test-clock.ts'
import { folderCluster } from './clusters.ts'

brokerContract('embedded, in a folder', () => folderCluster())
brokerContract('embedded, in a folder, through a hostile network', () =>
  folderCluster({ delay: 0.3, maxDelayMs: 2, split: 0.5, hold: 0.3 }),
)

describe('the folder of an embedded cluster', () => {
  it('belongs to one cluster at a time, and keeps its identity', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-broker-'))
    const options = { clock: new TestClock(), random: seededRandom('folder'), disk, folder }
    const first = await openEmbedded(options)
    await rejection(openEmbedded(options), 'SLUICE_FOLDER_LOCKED')
    await first.close()
    const second = await openEmbedded(options)
    expect(second.clusterId).toBe(first.clusterId)
    await second.close()
    await rm(folder, { recursive: true })
  })
})
