import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SILENT, type Logger } from '../../../src/core/log.ts'
import type { Serde } from '../../../src/core/serde.ts'
import type { StoreBackend } from '../../../src/core/store.ts'
import type { KeyValueStore } from '../../../src/engine/state/key-value.ts'
import { openTaskState, type TaskState, type TaskStateOptions } from '../../../src/engine/state/task-state.ts'
import type { PlanStore } from '../../../src/engine/topology/plan.ts'
import { json, string } from '../../../src/serdes/index.ts'
import { lmdbBackend, memoryBackend, sqliteBackend } from '../../../src/stores/index.ts'

const disk = {
  makeFolder: async (path: string): Promise<void> => {
    await mkdir(path, { recursive: true })
  },
}
const backends: readonly (readonly [string, StoreBackend])[] = [
  ['lmdb', lmdbBackend()],
  ['sqlite', sqliteBackend({ disk })],
]

function storeOf(name: string, changelog: boolean): PlanStore {
  const spec = {
    name,
    kind: 'key-value' as const,
    key: string as Serde<unknown>,
    value: json(),
  }
  return {
    ...spec,
    subtopology: 0,
    changelog,
    ...(changelog ? { changelogTopic: `app-${name}-changelog` } : {}),
  }
}

const STORES = [storeOf('counts', true), storeOf('other', true), storeOf('scratch', false)]

describe.each(backends)('the state of a task on %s', (_, backend) => {
  let folder: string
  let warnings: string[]
  let base: TaskStateOptions

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-task-'))
    warnings = []
    const log: Logger = { ...SILENT, warn: (_fields, message) => warnings.push(message) }
    base = {
      backend,
      folder: join(folder, 'app', '0_0'),
      task: '0_0',
      stores: STORES,
      clusterId: 'cluster-1',
      topicIds: new Map([
        ['app-counts-changelog', 'id-1'],
        ['app-other-changelog', 'id-2'],
      ]),
      bootId: 'boot-1',
      log,
    }
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  /** Fills all stores as a commit does. */
  async function filled(): Promise<TaskState> {
    const state = await openTaskState(base)
    for (const name of ['counts', 'other', 'scratch']) {
      const store = typed(state, name)
      store.put('a', 1)
      const managed = state.stores.get(name)!
      managed.seal(
        () => {},
        () => false,
      )
      state.write(managed.takeCommitted(10))
      managed.written()
    }
    state.writePositions(
      new Map([
        ['counts', 7],
        ['other', 9],
      ]),
    )
    return state
  }

  const typed = (state: TaskState, name: string): KeyValueStore<string, number> =>
    state.stores.get(name) as unknown as KeyValueStore<string, number>

  async function reopened(changes: Partial<TaskStateOptions> = {}): Promise<Record<string, unknown>> {
    const state = await openTaskState({ ...base, ...changes })
    const found = Object.fromEntries(
      ['counts', 'other', 'scratch'].map((name) => [
        name,
        [typed(state, name).get('a'), state.position(name)],
      ]),
    )
    state.close()
    return found
  }

  const NOTHING = {
    counts: [undefined, undefined],
    other: [undefined, undefined],
    scratch: [undefined, undefined],
  }
  const ALL = { counts: [1, 7], other: [1, 9], scratch: [1, undefined] }

  it('is empty and without positions at first', async () => {
    expect(await reopened()).toEqual(NOTHING)
    expect(warnings).toEqual([])
  })

  it('is all there after a clean close', async () => {
    const state = await filled()
    state.markClean()
    state.close()
    expect(await reopened()).toEqual(ALL)
    expect(warnings).toEqual([])
  })

  it('loses only stores without changelog after a crash of the process', async () => {
    const state = await filled()
    state.close()
    expect(await reopened()).toEqual({ ...ALL, scratch: [undefined, undefined] })
    expect(warnings).toEqual([expect.stringMatching(/store scratch of task 0_0 .* no changelog/)])
  })

  it('is wiped when it belongs to another cluster, by clearing or by removing the folder', async () => {
    for (const removeFolder of [undefined, (path: string) => rm(path, { recursive: true })]) {
      const state = await filled()
      warnings.length = 0
      state.markClean()
      state.close()
      const wipe = removeFolder === undefined ? {} : { removeFolder }
      expect(await reopened({ clusterId: 'cluster-2', ...wipe })).toEqual(NOTHING)
      expect(warnings).toEqual([expect.stringContaining('cluster-1, this is cluster-2')])
      expect(await reopened({ clusterId: 'cluster-2' })).toEqual(NOTHING)
    }
  })

  it('loses the one store whose changelog topic was made anew', async () => {
    const state = await filled()
    state.markClean()
    state.close()
    const topicIds = new Map([...base.topicIds, ['app-counts-changelog', 'id-3']])
    expect(await reopened({ topicIds })).toEqual({ ...ALL, counts: [undefined, undefined] })
    expect(warnings).toEqual([expect.stringMatching(/store counts .*app-counts-changelog was deleted/)])
  })

  it('is wiped when the machine restarted without what was written having been synced', async () => {
    const killed = await filled()
    killed.close()
    expect(await reopened({ bootId: 'boot-2' })).toEqual(NOTHING)
    expect(warnings).toEqual([expect.stringContaining('restarted')])
  })

  it('survives a restart of the machine after closeClean, or on a durable backend', async () => {
    const state = await filled()
    await state.closeClean()
    expect(await reopened({ bootId: 'boot-2' })).toEqual(ALL)
    // Not closed clean this time, but durable: only the store without changelog goes.
    expect(await reopened({ bootId: 'boot-3', backend: { ...backend, durable: true } })).toEqual({
      ...ALL,
      scratch: [undefined, undefined],
    })
  })

  it('empties one store on demand, with its objects and position', async () => {
    const state = await filled()
    state.wipe('counts', 'position 7 is outside its changelog')
    expect(typed(state, 'counts').get('a')).toBeUndefined()
    expect(state.position('counts')).toBeUndefined()
    expect(typed(state, 'other').get('a')).toBe(1)
    expect(warnings).toEqual([expect.stringContaining('position 7')])
    state.close()
  })

  it('restores from the start what was written without a position', async () => {
    const state = await openTaskState(base)
    const key = Buffer.from('a')
    state.write([{ store: 'counts', key, value: Buffer.from('1') }])
    state.close()
    expect(await reopened()).toEqual(NOTHING)
    expect(warnings).toHaveLength(1)
  })

  it('is made anew when it cannot be opened and may be removed', async () => {
    await mkdir(join(folder, 'app'), { recursive: true })
    await writeFile(base.folder, 'not a folder')
    await expect(openTaskState(base)).rejects.toMatchObject({ code: 'SLUICE_STORE_OPEN' })
    expect(await reopened({ removeFolder: (path) => rm(path, { recursive: true }) })).toEqual(NOTHING)
    expect(warnings).toEqual([expect.stringContaining('cannot be opened')])
  })
})

describe('the state of a task in memory', () => {
  it('is closed also when it cannot be synced: a full disk must not keep the storage open', async () => {
    let closed = 0
    const memory = memoryBackend()
    const backend: StoreBackend = {
      ...memory,
      open: async (path, names) => {
        const storage = await memory.open(path, names)
        const close = (): void => {
          closed++
          storage.close()
        }
        return Object.assign(Object.create(storage) as typeof storage, {
          store: storage.store.bind(storage),
          meta: storage.meta.bind(storage),
          write: storage.write.bind(storage),
          sync: () => Promise.reject(new Error('no space')),
          close,
        })
      },
    }
    const state = await openTaskState({
      backend,
      folder: '',
      task: '0_0',
      stores: STORES,
      clusterId: 'c',
      topicIds: new Map<string, string>(),
      bootId: 'b',
      log: SILENT,
    })
    await expect(state.closeClean()).rejects.toThrow('no space')
    expect(closed).toBe(1)
  })

  it('needs no folder and starts empty each time', async () => {
    const options = {
      backend: memoryBackend(),
      folder: '',
      task: '0_0',
      stores: STORES,
      clusterId: 'c',
      topicIds: new Map<string, string>(),
      bootId: 'b',
      log: SILENT,
    }
    const state = await openTaskState(options)
    state.writePositions(new Map([['counts', 3]]))
    expect(state.position('counts')).toBe(3)
    await state.closeClean()
    expect((await openTaskState(options)).position('counts')).toBeUndefined()
  })
})
