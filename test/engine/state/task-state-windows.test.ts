import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SILENT, type Logger } from '../../../src/core/log.ts'
import type { Serde } from '../../../src/core/serde.ts'
import type { TaskStoreSpec } from '../../../src/engine/state/spec.ts'
import { openTaskState, type TaskState } from '../../../src/engine/state/task-state.ts'
import type { VersionedStore } from '../../../src/engine/state/versioned-store.ts'
import type { SessionStore, WindowStore } from '../../../src/engine/state/windowed-store.ts'
import { int64, string } from '../../../src/serdes/index.ts'
import { lmdbBackend } from '../../../src/stores/index.ts'

const serdes = { key: string as Serde<unknown>, value: int64 as Serde<unknown> }
const MINUTE = 60_000

describe('the state of a task with windows and versions', () => {
  let folder: string
  let warnings: string[]

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-windows-'))
    warnings = []
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const spec = (kind: TaskStoreSpec['kind'], retentionMs: number): TaskStoreSpec => ({
    ...serdes,
    name: 's',
    kind,
    retentionMs,
    windowSizeMs: MINUTE,
    changelogTopic: 'app-s-changelog',
  })

  function open(store: TaskStoreSpec): Promise<TaskState> {
    const log: Logger = { ...SILENT, warn: (_fields, message) => warnings.push(message) }
    return openTaskState({
      backend: lmdbBackend(),
      folder: join(folder, '0_0'),
      task: '0_0',
      stores: [store],
      clusterId: 'cluster',
      topicIds: new Map([['app-s-changelog', 'id']]),
      bootId: 'boot',
      log,
    })
  }

  /** As a commit does, with so many entries a write. */
  function commit(state: TaskState, limit: number, writes = Infinity): void {
    const store = state.stores.get('s')!
    store.seal(
      () => {},
      () => false,
    )
    for (let left = writes; left > 0; left--) {
      const entries = store.takeCommitted(limit)
      if (entries.length === 0) break
      state.write(entries)
    }
    if (writes === Infinity) store.written()
    state.writePositions(new Map([['s', 1]]))
  }

  it('shows after a restart what it showed before, also of sessions', async () => {
    const session = spec('session', 2 * MINUTE)
    const first = await open(session)
    const put = first.stores.get('s') as unknown as SessionStore<string, number>
    put.put({ key: 'a', start: 0, end: MINUTE }, 1)
    put.put({ key: 'a', start: 3 * MINUTE, end: 4 * MINUTE }, 2)
    const before = [...put.all()]
    commit(first, 100)
    await first.closeClean()
    const second = await open(session)
    const next = second.stores.get('s') as unknown as SessionStore<string, number>
    expect([...next.all()]).toEqual(before)
    expect(before).toHaveLength(1)
    second.close()
  })

  it('removes expired windows from the storage, in slices, and keeps the others', async () => {
    const state = await open(spec('window', 2 * MINUTE))
    const store = state.stores.get('s') as unknown as WindowStore<string, number>
    for (let minute = 0; minute < 60; minute++)
      for (const key of ['a', 'b', 'c']) store.put(key, minute, minute * MINUTE)
    commit(state, 7)
    commit(state, 7)
    // Of a segment that still has a window to show nothing is removed.
    expect(store.count()).toBeLessThan(15)
    expect(store.fetch('b', 59 * MINUTE)).toBe(59)
    state.close()
  })

  it('is rebuilt when the retention is another one: windows would lie in other segments', async () => {
    const first = await open(spec('window', 10 * MINUTE))
    ;(first.stores.get('s') as unknown as WindowStore<string, number>).put('a', 1, 5 * MINUTE)
    commit(first, 100)
    await first.closeClean()
    const second = await open(spec('window', 20 * MINUTE))
    expect(second.position('s')).toBeUndefined()
    expect(warnings).toEqual([
      'store s of task 0_0 is wiped and rebuilt: it was laid out for another kind or retention',
    ])
    second.close()
  })

  it('is rebuilt when a crash fell between two writes of the versions of one generation', async () => {
    const versioned = spec('versioned', 10 * MINUTE)
    const first = await open(versioned)
    const store = first.stores.get('s') as unknown as VersionedStore<string, number>
    for (const time of [10, 30, 20]) store.put('a', time, time)
    commit(first, 2, 1)
    await first.closeClean()
    const second = await open(versioned)
    expect(second.position('s')).toBeUndefined()
    expect(warnings).toEqual(['store s of task 0_0 is wiped and rebuilt: its last write was cut short'])
    second.close()
  })

  it('trusts versions that were written in several steps to the end', async () => {
    const versioned = spec('versioned', 10 * MINUTE)
    const first = await open(versioned)
    const store = first.stores.get('s') as unknown as VersionedStore<string, number>
    for (const time of [10, 30, 20]) store.put('a', time, time)
    commit(first, 2)
    await first.closeClean()
    const second = await open(versioned)
    const next = second.stores.get('s') as unknown as VersionedStore<string, number>
    expect(Array.from(next.history('a', 0, 100), ({ value }) => value)).toEqual([30, 20, 10])
    expect(warnings).toEqual([])
    second.close()
  })
})
