import { describe, expect, it } from 'vitest'
import type { StoreBackend, StoreEntry, TaskStorage } from '../../../src/core/store.ts'
import { createSimulatedStores, type SimulatedStores } from '../../../src/testing/simulation/store.ts'
import { World } from '../../../src/testing/simulation/world.ts'
import { storeContract } from '../../stores/contract.ts'

/** For the contract, which does not run in a world: every wait is a run of its own. */
function outside(world: World, backend: StoreBackend): StoreBackend {
  const open = async (folder: string, names: readonly string[]): Promise<TaskStorage> => {
    const storage = await world.run(() => backend.open(folder, names))
    return {
      store: (name) => storage.store(name),
      write: (batch) => storage.write(batch),
      meta: (name) => storage.meta(name),
      clear: () => storage.clear(),
      sync: () => world.run(() => storage.sync!()),
      close: () => storage.close(),
    }
  }
  return { ...backend, open }
}

const contractWorld = new World({ seed: 'contract' })
const contractStores = createSimulatedStores(contractWorld)
storeContract('simulated', () => outside(contractWorld, contractStores.backend('contract')))

function entry(key: string, value: string | null): StoreEntry {
  return { store: 's', key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }
}

function keysOf(storage: TaskStorage): string {
  return Array.from(storage.store('s').range(undefined, undefined), ([key]) =>
    Buffer.from(key).toString(),
  ).join('')
}

function on<T>(seed: number, story: (stores: SimulatedStores, world: World) => Promise<T>): Promise<T> {
  const world = new World({ seed })
  return world.run(() => story(createSimulatedStores(world), world))
}

async function outcomes<T>(story: (stores: SimulatedStores, world: World) => Promise<T>): Promise<Set<T>> {
  const seen = new Set<T>()
  for (let seed = 0; seed < 100; seed++) seen.add(await on(seed, story))
  return seen
}

describe('simulated stores', () => {
  it('keep every batch at a kill, and nothing of what the dead process still does', () =>
    on(1, async (stores, world) => {
      const dead = await stores.backend('a').open('/t/0_0', ['s'])
      dead.write({ entries: [entry('a', '1'), entry('b', '1')], meta: { position: '1' } })
      let answered = false
      const mark = (): void => void (answered = true)
      dead.sync!().then(mark, mark)
      stores.kill('a')
      dead.write({ entries: [entry('c', '1')] })
      dead.clear()
      const alive = await stores.backend('b').open('/t/0_0', ['s'])
      dead.close()
      await expect(stores.backend('c').open('/t/0_0', ['s'])).rejects.toMatchObject({
        code: 'SLUICE_STORE_OPEN',
      })
      await world.sleep(100)
      expect([keysOf(alive), alive.meta('position'), answered]).toEqual(['ab', '1', false])
    }))

  it('open in one process at a time, until it closes or dies', () =>
    on(2, async (stores) => {
      const first = await stores.backend('a').open('/t', ['s'])
      const open = (): Promise<TaskStorage> => stores.backend('b').open('/t', ['s'])
      await expect(open()).rejects.toMatchObject({ code: 'SLUICE_STORE_OPEN', details: { folder: '/t' } })
      first.close()
      await open()
      stores.kill('b')
      await stores.backend('a').open('/t', ['s'])
    }))

  it('become at a power cut any mix of the batches since the last sync, never of a part of one', async () => {
    const seen = await outcomes(async (stores, world) => {
      const storage = await stores.backend('a').open('/t', ['s'])
      storage.write({ entries: [entry('a', '1')] })
      await storage.sync!()
      storage.write({ entries: [entry('b', '1'), entry('c', '1')], meta: { position: '1' } })
      storage.write({ entries: [entry('d', '1')], meta: { position: '2' } })
      stores.powerCut(world.random)
      const next = await stores.backend('a').open('/t', ['s'])
      return `${keysOf(next)} ${next.meta('position')}`
    })
    expect([...seen].sort()).toEqual(['a undefined', 'abc 1', 'abcd 2', 'ad 2'])
  })

  it('keep what was closed through a power cut, unless closing does not sync', async () => {
    for (const closeSyncs of [true, false]) {
      const seen = await outcomes(async (stores) => {
        stores.faults.closeSyncs = closeSyncs
        const storage = await stores.backend('a').open('/t', ['s'])
        storage.write({ entries: [entry('a', '1')] })
        storage.close()
        stores.powerCut()
        return keysOf(await stores.backend('a').open('/t', ['s']))
      })
      expect([...seen].sort()).toEqual(closeSyncs ? ['a'] : ['', 'a'])
    }
  })

  it('fail writes as a whole', () =>
    on(3, async (stores) => {
      const storage = await stores.backend('a').open('/t', ['s'])
      stores.faults.writeFailure = 1
      expect(() => storage.write({ entries: [entry('a', '1')], meta: { position: '1' } })).toThrow(
        expect.objectContaining({ code: 'SLUICE_STORE_WRITE' }),
      )
      expect([keysOf(storage), storage.meta('position')]).toEqual(['', undefined])
      stores.faults.writeFailure = 0
      storage.write({ entries: [entry('a', '1')] })
      expect(keysOf(storage)).toBe('a')
    }))

  it('are forgotten with their folder', () =>
    on(4, async (stores) => {
      for (const folder of ['/t/0_0', '/t2/0_0']) {
        const storage = await stores.backend('a').open(folder, ['s'])
        storage.write({ entries: [entry('a', '1')] })
        storage.close()
      }
      stores.removed('/t')
      expect(keysOf(await stores.backend('a').open('/t/0_0', ['s']))).toBe('')
      expect(keysOf(await stores.backend('a').open('/t2/0_0', ['s']))).toBe('a')
    }))
})
