/** One record with a time long past must not cost a look into every segment there could have been since. */
import { expect, test } from 'vitest'
import type { Serde } from '../../../src/core/serde.ts'
import type { OrderedStore, TaskStorage } from '../../../src/core/store.ts'
import type { ClosingWindows, SessionStore } from '../../../src/engine/state/windowed-store.ts'
import { createSessionStore } from '../../../src/engine/state/session-store.ts'
import { int64, string } from '../../../src/serdes/index.ts'
import { memoryBackend } from '../../../src/stores/index.ts'

const NOW = 1_700_000_000_000
const spec = {
  name: 's',
  kind: 'session' as const,
  key: string as Serde<unknown>,
  value: int64 as Serde<unknown>,
  retentionMs: 60_000,
}

/** A storage that refuses to be asked for ever. */
function counting(storage: TaskStorage, most: number): TaskStorage {
  let asked = 0
  const guarded = (store: OrderedStore): OrderedStore =>
    new Proxy(store, {
      get: (target, name) => {
        if (name === 'range' && ++asked > most) throw new Error(`asked for more than ${most} ranges`)
        const member: unknown = Reflect.get(target, name)
        return typeof member === 'function' ? (member.bind(target) as unknown) : member
      },
    })
  return new Proxy(storage, {
    get: (target, name) => {
      if (name === 'store') return (store: string) => guarded(target.store(store))
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

test('after a restart, what is kept around time 0 is found in moments', async () => {
  const storage = await memoryBackend().open('', ['s'])
  const before = createSessionStore<string, number>(spec, storage)
  before.put({ key: 'a', start: NOW, end: NOW }, 1)
  before.seal(
    () => undefined,
    () => false,
  )
  for (let taken = before.takeCommitted(10); taken.length > 0; taken = before.takeCommitted(10))
    storage.write({ entries: taken })
  before.written()
  const store = createSessionStore<string, number>(spec, counting(storage, 100)) as unknown as SessionStore<
    string,
    number
  > &
    ClosingWindows<string, number>
  expect([...store.keptOf('a', -10, Number.MAX_SAFE_INTEGER)]).toEqual([
    [{ key: 'a', start: NOW, end: NOW }, 1],
  ])
})
