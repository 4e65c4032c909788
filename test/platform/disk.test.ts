/** The real disk on a temporary folder. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bootId, startOf } from '../../src/platform/boot.ts'
import { systemDisk as disk } from '../../src/platform/disk.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-disk-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

describe('files', () => {
  it('take parts at a position and give them back', async () => {
    const file = await disk.open(join(root, 'file'))
    await file.write([Buffer.from('abc'), Buffer.from('def')], 2)
    expect(file.size()).toBe(8)
    await file.write([Buffer.from('xy')], 0)
    await file.sync()
    expect(String(await file.read(0, 5))).toBe('xyabc')
    expect(String(await file.read(6, 100))).toBe('ef')
    expect((await file.read(50, 10)).length).toBe(0)
    await file.truncate(3)
    expect([file.size(), String(await file.read(0, 9))]).toEqual([3, 'xya'])
    await file.close()
    const again = await disk.open(join(root, 'file'))
    expect(again.size()).toBe(3)
    await again.close()
  })

  it('take more parts than one system call', async () => {
    const file = await disk.open(join(root, 'many'))
    await file.write(
      Array.from({ length: 3000 }, (_, i) => Buffer.from(String(i % 10))),
      0,
    )
    expect(file.size()).toBe(3000)
    expect(String(await file.read(2990, 10))).toBe('0123456789')
    await file.close()
  })

  it('are replaced whole, listed in order, renamed and removed', async () => {
    const folder = join(root, 'a/b')
    await disk.makeFolder(folder)
    await disk.makeFolder(folder)
    await disk.replaceFile(join(folder, 'z'), Buffer.from('1'))
    await disk.replaceFile(join(folder, 'z'), Buffer.from('2'))
    await disk.replaceFile(join(folder, 'm'), Buffer.from('3'))
    expect(await disk.list(folder)).toEqual(['m', 'z'])
    expect(String(await disk.readFile(join(folder, 'z')))).toBe('2')
    await disk.rename(join(folder, 'z'), join(folder, 'b'))
    await disk.syncFolder(folder)
    await disk.remove(join(folder, 'm'))
    await disk.remove(join(folder, 'm'))
    expect(await disk.list(folder)).toEqual(['b'])
    await disk.remove(join(root, 'a'))
    expect(await disk.list(folder)).toEqual([])
    expect(await disk.readFile(join(folder, 'b'))).toBeUndefined()
  })

  it('fail with the path, what was done and the code of the system', async () => {
    const path = join(root, 'missing/file')
    await expect(disk.open(path)).rejects.toMatchObject({
      code: 'SLUICE_DISK',
      details: { path, operation: 'open', code: 'ENOENT' },
    })
  })

  it.skipIf(process.platform !== 'linux')('say it plainly when the disk is full', async () => {
    const file = await disk.open('/dev/full')
    await expect(file.write([Buffer.from('x')], 0)).rejects.toThrow(
      '/dev/full: write failed: ENOSPC no space is left on the disk',
    )
    await file.close()
  })
})

describe('the lock of a folder', () => {
  it('is held once, and free after release', async () => {
    const lock = await disk.lock(root, 'broker on 9092')
    await expect(disk.lock(root, 'second')).rejects.toThrow(
      `folder ${root} is in use by process ${process.pid} (broker on 9092)`,
    )
    await lock.release()
    await lock.release()
    await (await disk.lock(root, 'third')).release()
    expect((await readdir(root)).filter((name) => name.startsWith('lock'))).toEqual([])
  })

  it('is taken over from a dead process, a former boot and a reused pid', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid
    const start = startOf(process.pid)
    const owners = [
      { pid: dead, boot: bootId() },
      { pid: process.pid, start, boot: 'another boot' },
      ...(start === undefined ? [] : [{ pid: process.pid, start: '1', boot: bootId() }]),
    ]
    for (const owner of owners) {
      await writeFile(join(root, 'lock'), JSON.stringify({ ...owner, note: 'old', number: 1 }))
      const lock = await disk.lock(root, 'new')
      expect(await readFile(join(root, 'lock'), 'utf8')).toContain('"new"')
      await lock.release()
    }
  })

  it('goes to one of many that want a dead one', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid
    await writeFile(join(root, 'lock'), JSON.stringify({ pid: dead, boot: bootId(), note: 'old', number: 1 }))
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => disk.lock(root, `n${i}`)))
    const taken = results.filter((result) => result.status === 'fulfilled')
    expect(taken).toHaveLength(1)
    await taken[0]!.value.release()
  })
})

describe('folders', () => {
  it('are made under a relative name of one letter', () => {
    const module = JSON.stringify(new URL('../../src/platform/disk.ts', import.meta.url).href)
    const script = `import(${module}).then(({ systemDisk }) => systemDisk.makeFolder('d'))`
    const { status } = spawnSync(process.execPath, ['-e', script], { cwd: root, timeout: 10_000 })
    expect(status).toBe(0)
  })
})

describe('the boot id', () => {
  it('stays the same while the machine runs', () => {
    expect(disk.bootId()).toBe(bootId())
    expect(disk.bootId().length).toBeGreaterThan(5)
  })
})
