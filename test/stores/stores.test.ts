import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StoreBackend } from '../../src/core/store.ts'
import { chooseBackend, lmdbBackend, memoryBackend, sqliteBackend } from '../../src/stores/index.ts'
import { storeContract } from './contract.ts'

const disk = {
  makeFolder: async (path: string): Promise<void> => {
    await mkdir(path, { recursive: true })
  },
}

storeContract('memory', () => memoryBackend())
storeContract('lmdb', () => lmdbBackend())
storeContract('lmdb, durable', () => lmdbBackend({ durable: true }))
storeContract('sqlite', () => sqliteBackend({ disk }))
storeContract('sqlite, durable', () => sqliteBackend({ disk, durable: true }))

const persistent: readonly (readonly [string, StoreBackend])[] = [
  ['lmdb', lmdbBackend()],
  ['sqlite', sqliteBackend({ disk })],
]

describe('persistent storages', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-stores-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each(persistent)(
    '%s has whole batches and loses no acknowledged one after kill -9',
    async (name, backend) => {
      const task = join(folder, name)
      for (let kill = 0; kill < 4; kill++) {
        const acknowledged = await writeUntilKilled(name, task, 40 + kill * 25)
        const storage = await backend.open(task, ['numbers', 'twice'])
        const last = Number(storage.meta('last') ?? -1)
        expect(last).toBeGreaterThanOrEqual(acknowledged)
        for (const store of ['numbers', 'twice']) {
          const values = Array.from(storage.store(store).range(undefined, undefined), ([, value]) =>
            Buffer.from(value).toString(),
          )
          expect(new Set(values)).toEqual(new Set([String(last)]))
          expect(values).toHaveLength(200)
        }
        storage.close()
      }
    },
  )

  it.each(persistent)('%s says SLUICE_STORE_OPEN when its folder cannot be made', async (_, backend) => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    await expect(backend.open(join(file, '0_0'), ['a'])).rejects.toMatchObject({ code: 'SLUICE_STORE_OPEN' })
  })

  it.each(persistent)('%s opens afresh after its folder was removed', async (name, backend) => {
    const task = join(folder, `${name}-removed`)
    for (const round of ['1', '2']) {
      const storage = await backend.open(task, ['a'])
      expect(storage.meta('round')).toBeUndefined()
      storage.write({ entries: [], meta: { round } })
      storage.close()
      await rm(task, { recursive: true })
    }
  })
})

describe('chooseBackend', () => {
  it('takes lmdb where it is installed, and what is asked for by name', async () => {
    expect((await chooseBackend({ disk })).kind).toBe('lmdb')
    for (const kind of ['memory', 'lmdb', 'sqlite'] as const) {
      expect((await chooseBackend({ disk, kind })).kind).toBe(kind)
    }
  })
})

/** Starts a writer, kills it after `ms` of writing, gives the last batch it was told to be written. */
function writeUntilKilled(kind: string, task: string, ms: number): Promise<number> {
  const writer = new URL('./writer.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [writer, kind, task], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      if (out === '') setTimeout(() => child.kill('SIGKILL'), ms)
      out += chunk.toString()
    })
    child.on('error', reject)
    child.on('close', () => {
      const lines = out.split('\n').slice(0, -1)
      if (lines.length < 2) reject(new Error(`the writer wrote too little: ${out}`))
      else resolve(Number(lines.at(-1)))
    })
  })
}
