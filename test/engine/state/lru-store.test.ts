import { describe, expect, it } from 'vitest'
import type { Serde } from '../../../src/core/serde.ts'
import type { TaskStorage } from '../../../src/core/store.ts'
import type { ManagedKeyValueStore } from '../../../src/engine/state/key-value.ts'
import { createLruStore } from '../../../src/engine/state/lru-store.ts'
import { int64, string } from '../../../src/serdes/index.ts'
import { memoryBackend } from '../../../src/stores/index.ts'

const storage = (): Promise<TaskStorage> => memoryBackend().open('', ['s'])

function open(over: TaskStorage, capacity = 2): ManagedKeyValueStore<string, number> {
  const spec = {
    name: 's',
    kind: 'key-value' as const,
    key: string as Serde<unknown>,
    value: int64 as Serde<unknown>,
  }
  return createLruStore({ ...spec, capacity }, over)
}

function commit(store: ManagedKeyValueStore<string, number>, over: TaskStorage): string[] {
  const logged: string[] = []
  store.seal(
    (key, value) => logged.push(`${Buffer.from(key).toString()}${value === null ? ' deleted' : ''}`),
    () => false,
  )
  over.write({ entries: store.takeCommitted(Infinity) })
  store.written()
  return logged
}

describe('a store with a capacity', () => {
  it('deletes the key used least recently when a put goes beyond it, in the changelog too', async () => {
    const over = await storage()
    const store = open(over)
    store.put('a', 1)
    store.put('b', 2)
    expect(store.get('a')).toBe(1)
    store.put('c', 3)
    expect([...store.all()]).toEqual([
      ['a', 1],
      ['c', 3],
    ])
    expect(commit(store, over)).toEqual(['a', 'b deleted', 'c'])
  })

  it('shrinks to a capacity that became smaller', async () => {
    const over = await storage()
    const before = open(over, 4)
    for (const key of ['a', 'b', 'c', 'd']) before.put(key, 1)
    commit(before, over)
    const store = open(over, 2)
    store.put('e', 2)
    expect(Array.from(store.all(), ([key]) => key)).toEqual(['d', 'e'])
  })

  it('does not take a scan, a deletion or a miss for use', async () => {
    const store = open(await storage())
    store.put('a', 1)
    store.put('b', 2)
    Array.from(store.range('a', 'a'))
    store.get('x')
    store.put('b', null)
    store.put('b', 2)
    store.put('c', 3)
    expect(Array.from(store.all(), ([key]) => key)).toEqual(['b', 'c'])
  })

  it('knows its keys after a restart and after updates were forgotten', async () => {
    const over = await storage()
    const first = open(over)
    first.put('b', 1)
    first.put('a', 2)
    commit(first, over)
    first.put('c', 3)
    first.forget()
    expect(Array.from(first.all(), ([key]) => key)).toEqual(['a', 'b'])
    const next = open(over)
    next.put('d', 4)
    expect(Array.from(next.all(), ([key]) => key)).toEqual(['b', 'd'])
  })
})
