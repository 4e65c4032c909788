import { describe, expect, it } from 'vitest'
import { SILENT } from '../../../src/core/log.ts'
import { openTaskState, type TaskState } from '../../../src/engine/state/task-state.ts'
import type { PlanStore } from '../../../src/engine/topology/plan.ts'
import { json, string } from '../../../src/serdes/index.ts'
import { createSimulatedStores, type SimulatedStores } from '../../../src/testing/simulation/store.ts'
import { World } from '../../../src/testing/simulation/world.ts'

const STORE: PlanStore = {
  name: 'counts',
  kind: 'key-value',
  key: string,
  value: json(),
  changelog: true,
  changelogTopic: 'app-counts-changelog',
  subtopology: 0,
}

function open(stores: SimulatedStores, bootId: string): Promise<TaskState> {
  return openTaskState({
    backend: stores.backend('process'),
    folder: '/state/app/0_0',
    task: '0_0',
    stores: [STORE],
    clusterId: 'cluster',
    topicIds: new Map([['app-counts-changelog', 'id']]),
    bootId,
    log: SILENT,
  })
}

describe('local state after a power cut', () => {
  it('is never trusted when a write since the last clean close may be missing', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const world = new World({ seed })
      await world.run(async () => {
        const stores = createSimulatedStores(world)
        const before = await open(stores, 'boot-1')
        before.writePositions(new Map([['counts', 1]]))
        await before.closeClean()
        const again = await open(stores, 'boot-1')
        again.write([{ store: 'counts', key: Buffer.from('k'), value: Buffer.from('1') }])
        again.writePositions(new Map([['counts', 2]]))
        stores.kill('process')
        stores.powerCut(world.random)
        const after = await open(stores, 'boot-2')
        expect(after.position('counts'), `seed ${seed}`).toBeUndefined()
        after.close()
      })
    }
  })
})
