/** A child process that writes batches of one number to all keys until it is killed, and says which were acknowledged. */
import { writeSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { lmdbBackend, sqliteBackend } from '../../src/stores/index.ts'

const [kind, folder] = process.argv.slice(2)
const disk = {
  makeFolder: async (path: string): Promise<void> => {
    await mkdir(path, { recursive: true })
  },
}
const backend = kind === 'lmdb' ? lmdbBackend() : sqliteBackend({ disk })
const storage = await backend.open(folder!, ['numbers', 'twice'])
for (let number = Number(storage.meta('last') ?? -1) + 1; ; number++) {
  const entries = Array.from({ length: 400 }, (_, index) => ({
    store: index % 2 === 0 ? 'numbers' : 'twice',
    key: Buffer.from(`key ${index}`),
    value: Buffer.from(String(number)),
  }))
  storage.write({ entries, meta: { last: String(number) } })
  writeSync(1, `${number}\n`)
}
