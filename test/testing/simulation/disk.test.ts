import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Disk } from '../../../src/core/disk.ts'
import { createSimulatedMachine, type SimulatedMachine } from '../../../src/testing/simulation/disk.ts'
import { World } from '../../../src/testing/simulation/world.ts'

const bytes = (text: string): Buffer => Buffer.from(text)

/** Runs a story on a fresh machine. */
function on<T>(seed: number, story: (machine: SimulatedMachine, world: World) => Promise<T>): Promise<T> {
  const world = new World({ seed })
  const machine = createSimulatedMachine(world)
  return world.run(() => story(machine, world))
}

async function write(disk: Disk, path: string, text: string, sync = true): Promise<void> {
  const file = await disk.open(path)
  await file.write([bytes(text)], 0)
  if (sync) await file.sync()
  await file.close()
}

async function text(disk: Disk, path: string): Promise<string | undefined> {
  const found = await disk.readFile(path)
  return found === undefined ? undefined : Buffer.from(found).toString()
}

/** What came out of a story over many seeds. */
async function outcomes<T>(story: (machine: SimulatedMachine, world: World) => Promise<T>): Promise<Set<T>> {
  const seen = new Set<T>()
  for (let seed = 0; seed < 150; seed++) seen.add(await on(seed, story))
  return seen
}

describe('a simulated disk', () => {
  it('takes parts at a position and gives them back, also to another process', () =>
    on(1, async (machine) => {
      const disk = machine.process('a')
      await disk.makeFolder('/data/deep')
      const file = await disk.open('/data/deep/f')
      await file.write([bytes('abc'), bytes('def')], 2)
      await file.write([bytes('xy')], 0)
      expect([file.size(), String(await file.read(0, 5)), String(await file.read(6, 100))]).toEqual([
        8,
        'xyabc',
        'ef',
      ])
      expect((await file.read(50, 10)).length).toBe(0)
      await file.truncate(3)
      await file.write([bytes('!')], 5)
      expect(await text(machine.process('b'), '/data/deep/f')).toBe('xya\0\0!')
      await file.close()
      await expect(file.read(0, 1)).rejects.toMatchObject({ code: 'SLUICE_DISK', details: { code: 'EBADF' } })
    }))

  it('lists, replaces, renames and removes', () =>
    on(2, async (machine) => {
      const disk = machine.process('a')
      await disk.makeFolder('/a/b')
      await disk.makeFolder('/a/b')
      await disk.replaceFile('/a/b/z', bytes('1'))
      await disk.replaceFile('/a/b/z', bytes('2'))
      await disk.replaceFile('/a/b/m', bytes('3'))
      expect(await disk.list('/a/b')).toEqual(['m', 'z'])
      await disk.rename('/a/b/z', '/a/b/m')
      expect(await text(disk, '/a/b/m')).toBe('2')
      await disk.remove('/a/b/absent')
      await disk.remove('/a')
      expect([await disk.list('/a/b'), await disk.list('/'), await text(disk, '/a/b/m')]).toEqual([
        [],
        [],
        undefined,
      ])
      await expect(disk.open('/a/b/m')).rejects.toMatchObject({ details: { code: 'ENOENT' } })
      await expect(disk.rename('/x', '/y')).rejects.toMatchObject({ details: { code: 'ENOENT' } })
    }))

  it('gives a lock to one process at a time and frees it at the death of the owner', () =>
    on(3, async (machine) => {
      const [a, b] = [machine.process('a'), machine.process('b')]
      await a.makeFolder('/f')
      const lock = await a.lock('/f', 'first')
      await expect(b.lock('/f', 'second')).rejects.toMatchObject({
        code: 'SLUICE_FOLDER_LOCKED',
        details: { folder: '/f', pid: 1, note: 'first' },
      })
      await lock.release()
      await b.lock('/f', 'second')
      machine.kill('b')
      await a.lock('/f', 'third')
      await lock.release() // an old lock must not free the new one
      await expect(machine.process('b').lock('/f', 'fourth')).rejects.toMatchObject({
        details: { note: 'third' },
      })
    }))

  it('keeps at a kill what was written, and never answers the dead', async () => {
    const seen = await outcomes(async (machine, world) => {
      const dead = machine.process('a')
      const boot = dead.bootId()
      await write(dead, '/f', 'before', false)
      const file = await dead.open('/f')
      let answered = false
      const mark = (): void => void (answered = true)
      file.write([bytes('AFTER!')], 0).then(mark, mark)
      machine.kill('a')
      dead.list('/').then(mark, mark)
      await world.sleep(1_000)
      expect(answered).toBe(false)
      expect(machine.process('a').bootId()).toBe(boot)
      return text(machine.process('a'), '/f')
    })
    for (const one of seen) expect(one).toMatch(/^A?F?T?E?R?!?b?e?f?o?r?e?$/)
    expect(seen).toContain('before')
    expect(seen).toContain('AFTER!')
    expect(seen.size).toBeGreaterThan(4)
  })

  it('keeps at a power cut all that was synced, and of the rest anything: nothing, all, or a torn part', async () => {
    const seen = await outcomes(async (machine, world) => {
      const disk = machine.process('a')
      const boot = disk.bootId()
      await write(disk, '/f', 'kept')
      await disk.syncFolder('/')
      const file = await disk.open('/f')
      await file.write([bytes('more')], 4)
      await file.write([bytes('last')], 8)
      await disk.lock('/', 'owner')
      machine.powerCut(world.random)
      const next = machine.process('a')
      expect(next.bootId()).not.toBe(boot)
      await next.lock('/', 'next owner')
      return text(next, '/f')
    })
    for (const one of seen)
      expect(one).toMatch(
        /^kept((|m|mo|mor)|((\0{4}|m\0{3}|mo\0{2}|mor\0)(l|la|las|last))|more(|l|la|las|last))$/,
      )
    for (const wanted of ['kept', 'keptmorelast', 'keptmore', 'kept\0\0\0\0last']) {
      expect(seen).toContain(wanted)
    }
    expect([...seen].some((one) => /^keptm(o|or)?$/.test(one!))).toBe(true)
  })

  it('may lose or keep at a power cut names that were not synced with their folder', async () => {
    const names = await outcomes(async (machine) => {
      const disk = machine.process('a')
      await disk.makeFolder('/d')
      for (const name of ['removed', 'old', 'stays']) await write(disk, `/d/${name}`, name)
      await disk.syncFolder('/d')
      await write(disk, '/d/created', 'created')
      await disk.rename('/d/old', '/d/new')
      await disk.remove('/d/removed')
      machine.powerCut()
      const found = await machine.process('a').list('/d')
      // Exactly one of the two names of a renamed file.
      expect(found.filter((name) => name === 'old' || name === 'new')).toHaveLength(1)
      return found.join()
    })
    for (const one of names) expect(one).toContain('stays')
    expect(names.size).toBe(8)
    expect(names).toContain('old,removed,stays')
    expect(names).toContain('created,new,stays')
  })

  it('replaces a file as a whole: old or new content whenever the power goes, new once it resolved', async () => {
    const seen = await outcomes(async (machine, world) => {
      const disk = machine.process('a')
      await disk.replaceFile('/f', bytes('old content'))
      const waits = world.random.chance(0.5)
      let resolved = false
      const replaced = disk.replaceFile('/f', bytes('new')).then(() => (resolved = true))
      await (waits ? replaced : world.sleep(world.random.next() * 0.4))
      machine.powerCut()
      const found = await text(machine.process('a'), '/f')
      return `${found}, ${resolved}`
    })
    expect([...seen].sort()).toEqual(['new, false', 'new, true', 'old content, false'])
  })

  it('keeps whatever was synced with its folder, whatever happens around it', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(fc.nat(5), { maxLength: 25 }), (seed, steps) =>
        on(seed, async (machine, world) => {
          const synced = new Map<string, string>()
          for (const [at, step] of steps.entries()) {
            const disk = machine.process('p')
            const name = `f${step % 3}`
            if (step < 4) {
              await disk.makeFolder('/d')
              const file = await disk.open(`/d/${name}`)
              await file.truncate(0)
              await file.write([bytes(`content ${at}`)], 0)
              await file.sync()
              await disk.syncFolder('/d')
              synced.set(name, `content ${at}`)
              await write(disk, `/d/noise${at}`, 'noise', false)
            } else if (step === 4) machine.kill('p')
            else machine.powerCut(world.random)
            for (const [known, content] of synced) {
              expect(await text(machine.process('p'), `/d/${known}`)).toBe(content)
            }
          }
        }),
      ),
      { numRuns: 60 },
    ))

  it('loses synced content when fsync lies', () =>
    on(5, async (machine) => {
      machine.faults.dropFsync = 1
      const disk = machine.process('a')
      await write(disk, '/f', 'promised')
      await disk.syncFolder('/')
      const lost = new Set<string | undefined>()
      for (let cut = 0; cut < 40; cut++) {
        await write(machine.process('a'), '/f', 'promised')
        await machine.process('a').syncFolder('/')
        machine.powerCut()
        lost.add(await text(machine.process('a'), '/f'))
        await machine.process('a').remove('/f')
      }
      expect(lost).toContain(undefined)
    }))

  it('is full after its budget, with a part of the last write, until there is room again', () =>
    on(6, async (machine) => {
      const disk = machine.process('a')
      const file = await disk.open('/f')
      machine.faults.enospcAfterBytes = 5
      await file.write([bytes('abc')], 0)
      await expect(file.write([bytes('defg')], 3)).rejects.toMatchObject({
        code: 'SLUICE_DISK',
        details: { code: 'ENOSPC', path: '/f', operation: 'write' },
      })
      expect(await text(disk, '/f')).toBe('abcde')
      await expect(disk.replaceFile('/g', bytes('x'))).rejects.toMatchObject({ details: { code: 'ENOSPC' } })
      expect(await text(disk, '/g')).toBeUndefined()
      machine.faults.enospcAfterBytes = Infinity
      await disk.replaceFile('/g', bytes('x'))
      expect(await text(disk, '/g')).toBe('x')
    }))

  it('takes virtual time, more when slow, and the same for the same seed', async () => {
    const story = async (seed: number, slow: number): Promise<{ time: number; hash: string }> => {
      const world = new World({ seed })
      const onOp = (operation: string, path: string, process: string): void =>
        world.trace(`disk.${operation} ${process}`, path)
      const machine = createSimulatedMachine(world, { onOp, faults: { slow } })
      await world.run(async () => {
        const writes = [1, 2, 3, 4].map((n) => write(machine.process(`p${n}`), `/f${n}`, 'x'))
        await Promise.all(writes)
      })
      return { time: world.time, hash: world.traceHash }
    }
    expect(await story(7, 0)).toEqual(await story(7, 0))
    expect((await story(7, 0)).hash).not.toBe((await story(8, 0)).hash)
    expect((await story(7, 0)).time).toBeLessThan(2.1)
    expect((await story(7, 1)).time).toBeGreaterThan(100)
  })
})
