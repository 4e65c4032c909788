/**
 * The disk of one simulated machine, shared by its processes: kills keep what was written, power cuts only what was made
 * durable, and more only by chance. Every operation takes virtual time and may be cut in two by a kill on its way.
 */
import type { Disk, DiskFile, FolderLock } from '../../core/disk.ts'
import { sluiceError } from '../../core/errors.ts'
import type { Bytes } from '../../core/record.ts'
import type { FileContent } from './file-content.ts'
import { FileTree, TreeError } from './file-tree.ts'
import type { SeededRandom } from './random.ts'
import type { World } from './world.ts'

/** Faults and speed; fields may be changed at any time. */
export interface DiskFaults {
  /** An operation takes up to this many ms. Default 0.5. */
  latencyMs: number
  /** Probability that an operation is slow. Default 0. */
  slow: number
  /** A slow operation takes up to this many ms more. Default 500. */
  slowMs: number
  /** Probability that a sync resolves without having made anything durable. Default 0. */
  dropFsync: number
  /** Bytes that can be written before the disk is full; counts down, set it anew to make room. Default Infinity. */
  enospcAfterBytes: number
}

export interface SimulatedMachineOptions {
  /** Tells the machines of one world apart: seeds its chance, begins its boot ids. Default 'disk'. */
  readonly name?: string
  readonly faults?: Partial<DiskFaults>
  /** Called at the begin of each operation. */
  readonly onOp?: (operation: string, path: string, process: string) => void
  /** Called when a file or folder was removed, so that simulated stores below it go with it. */
  readonly onRemoved?: (path: string) => void
}

/** A machine with an empty disk. */
export function createSimulatedMachine(
  world: World,
  options: SimulatedMachineOptions = {},
): SimulatedMachine {
  return new SimulatedMachine(world, options)
}

export class SimulatedMachine {
  readonly faults: DiskFaults
  readonly #machine: Machine
  readonly #processes = new Map<string, Process>()
  readonly #name: string
  #started = 0
  #boots = 1

  constructor(world: World, options: SimulatedMachineOptions) {
    this.faults = {
      latencyMs: 0.5,
      slow: 0,
      slowMs: 500,
      dropFsync: 0,
      enospcAfterBytes: Infinity,
      ...options.faults,
    }
    this.#name = options.name ?? 'disk'
    this.#machine = {
      world,
      options,
      faults: this.faults,
      random: world.random.fork(this.#name),
      tree: new FileTree(),
      locks: new Map(),
    }
  }

  get bootId(): string {
    return `${this.#name}-boot-${this.#boots}`
  }

  /** The disk as a process sees it; after its kill the same name is a new process. */
  process(name: string): Disk {
    let process = this.#processes.get(name)
    if (process === undefined) {
      process = { name, pid: ++this.#started, alive: true }
      this.#processes.set(name, process)
    }
    return new ProcessDisk(this.#machine, process, this.bootId)
  }

  /** Kill -9: locks are free, all that was written stays, operations on their way may be half done and never resolve. */
  kill(name: string): void {
    const process = this.#processes.get(name)
    if (process === undefined) return
    process.alive = false
    this.#processes.delete(name)
    for (const [folder, { owner }] of this.#machine.locks) {
      if (owner === process) this.#machine.locks.delete(folder)
    }
  }

  /** All processes die; what was not synced is lost, kept or torn; the boot id is another one. */
  powerCut(random: SeededRandom = this.#machine.random): void {
    for (const name of this.#processes.keys()) this.kill(name)
    this.#machine.tree.powerCut(random)
    this.#boots++
  }
}

interface Machine {
  readonly world: World
  readonly options: SimulatedMachineOptions
  readonly faults: DiskFaults
  readonly random: SeededRandom
  readonly tree: FileTree
  readonly locks: Map<string, { readonly owner: Process; readonly note: string }>
}

interface Process {
  readonly name: string
  readonly pid: number
  alive: boolean
}

type Step = () => void

/** Runs the steps of one operation for one process, some when it begins and the others when it ends. */
async function operate(
  { world, options, faults, random }: Machine,
  process: Process,
  operation: string,
  path: string,
  steps: readonly Step[],
): Promise<void> {
  if (!process.alive) await forEver()
  options.onOp?.(operation, path, process.name)
  const slowMs = random.next() * (random.chance(faults.slow) ? faults.slowMs : 0)
  const latency = random.next() * faults.latencyMs + slowMs
  const early = random.int(0, steps.length)
  const failure = attempt(steps.slice(0, early), path, operation)
  await world.sleep(latency)
  if (!process.alive) await forEver()
  const error = failure ?? attempt(steps.slice(early), path, operation)
  if (error !== undefined) throw error
}

function attempt(steps: readonly Step[], path: string, operation: string): Error | undefined {
  try {
    for (const step of steps) step()
    return undefined
  } catch (error) {
    if (!(error instanceof TreeError)) return error as Error
    return sluiceError('SLUICE_DISK', { path, operation, code: error.code, problem: error.message }, error)
  }
}

/** What a dead process waits for. */
function forEver(): Promise<never> {
  return new Promise(() => {})
}

/** Unless the disk lies. Always draws, so that changing the fault does not shift the stream. */
function makeDurable({ random, faults }: Machine, sync: () => void): void {
  if (!random.chance(faults.dropFsync)) sync()
}

/** Writes whole[from..to) as much as there is room for. @throws TreeError ENOSPC */
function writePart(
  { faults }: Machine,
  file: FileContent,
  position: number,
  whole: Bytes,
  from: number,
  to: number,
): void {
  const room = Math.min(to - from, Math.max(0, faults.enospcAfterBytes))
  file.write(whole.subarray(from, from + room), position + from, from > 0)
  faults.enospcAfterBytes -= room
  if (room < to - from) throw new TreeError('ENOSPC', 'no space is left on the disk')
}

class ProcessDisk implements Disk {
  readonly #machine: Machine
  readonly #process: Process
  readonly #bootId: string

  constructor(machine: Machine, process: Process, bootId: string) {
    this.#machine = machine
    this.#process = process
    this.#bootId = bootId
  }

  bootId(): string {
    return this.#bootId
  }

  /** Durable when it resolves, as the real adapter does it: a file synced in a new folder must not vanish with it. */
  makeFolder(path: string): Promise<void> {
    const { tree } = this.#machine
    return this.#operate('make folder', path, () => {
      const changed = tree.makeFolder(path)
      if (changed.length > 0) makeDurable(this.#machine, () => tree.sync(changed))
    })
  }

  list(path: string): Promise<readonly string[]> {
    return this.#ask('list', path, () => {
      const { tree } = this.#machine
      return tree.find(path) === undefined ? [] : [...tree.folder(path).seen.keys()].sort()
    })
  }

  async open(path: string): Promise<DiskFile> {
    const file = await this.#ask('open', path, () => this.#machine.tree.openFile(path))
    return new ProcessFile(this.#machine, this.#process, path, file)
  }

  readFile(path: string): Promise<Bytes | undefined> {
    return this.#ask('read', path, () => {
      const file = this.#machine.tree.file(path)
      return file?.read(0, file.size)
    })
  }

  /** A kill on the way may leave the file aside, as it does on a real disk. */
  replaceFile(path: string, content: Bytes): Promise<void> {
    const { tree, random } = this.#machine
    const aside = `${path}.new`
    const whole = Buffer.from(content)
    const middle = random.int(0, whole.length)
    const write = (from: number, to: number): void =>
      writePart(this.#machine, tree.openFile(aside), 0, whole, from, to)
    return this.#operate(
      'replace',
      path,
      () => {
        tree.openFile(aside).truncate(0)
        write(0, middle)
      },
      () => {
        write(middle, whole.length)
        const file = tree.openFile(aside)
        makeDurable(this.#machine, () => file.sync())
        tree.rename(aside, path)
      },
      () => makeDurable(this.#machine, () => tree.sync([tree.parent(path)])),
    )
  }

  async remove(path: string): Promise<void> {
    await operate(this.#machine, this.#process, 'remove', path, this.#machine.tree.removal(path))
    this.#machine.options.onRemoved?.(path)
  }

  rename(from: string, to: string): Promise<void> {
    return this.#operate('rename', from, () => this.#machine.tree.rename(from, to))
  }

  syncFolder(path: string): Promise<void> {
    const { tree } = this.#machine
    return this.#operate('sync folder', path, () => {
      const folder = tree.folder(path)
      makeDurable(this.#machine, () => tree.sync([folder]))
    })
  }

  async lock(folder: string, note: string): Promise<FolderLock> {
    const { locks, tree } = this.#machine
    const lock = { owner: this.#process, note }
    await this.#operate('lock', folder, () => {
      tree.folder(folder)
      const held = locks.get(folder)
      if (held !== undefined) {
        throw sluiceError('SLUICE_FOLDER_LOCKED', { folder, pid: held.owner.pid, note: held.note })
      }
      locks.set(folder, lock)
    })
    return {
      release: () =>
        this.#operate('release', folder, () => {
          if (locks.get(folder) === lock) locks.delete(folder)
        }),
    }
  }

  #operate(operation: string, path: string, ...steps: readonly Step[]): Promise<void> {
    return operate(this.#machine, this.#process, operation, path, steps)
  }

  async #ask<T>(operation: string, path: string, question: () => T): Promise<T> {
    let answer: T | undefined
    await this.#operate(operation, path, () => {
      answer = question()
    })
    return answer as T
  }
}

class ProcessFile implements DiskFile {
  readonly #machine: Machine
  readonly #process: Process
  readonly #path: string
  readonly #file: FileContent
  /** As this handle knows it: a write on its way does not count yet. */
  #size: number
  #open = true

  constructor(machine: Machine, process: Process, path: string, file: FileContent) {
    this.#machine = machine
    this.#process = process
    this.#path = path
    this.#file = file
    this.#size = file.size
  }

  size(): number {
    return this.#size
  }

  async write(parts: readonly Bytes[], position: number): Promise<void> {
    const whole = Buffer.concat(parts)
    const middle = this.#machine.random.int(0, whole.length)
    const write = (from: number, to: number): void =>
      writePart(this.#machine, this.#file, position, whole, from, to)
    await this.#operate(
      'write',
      () => write(0, middle),
      () => write(middle, whole.length),
    )
    this.#size = Math.max(this.#size, position + whole.length)
  }

  async read(position: number, length: number): Promise<Bytes> {
    let bytes: Bytes = Buffer.alloc(0)
    await this.#operate('read', () => {
      bytes = this.#file.read(position, Math.min(length, this.#size - position))
    })
    return bytes
  }

  async truncate(size: number): Promise<void> {
    await this.#operate('truncate', () => this.#file.truncate(size))
    this.#size = size
  }

  sync(): Promise<void> {
    return this.#operate('sync', () => makeDurable(this.#machine, () => this.#file.sync()))
  }

  close(): Promise<void> {
    return this.#operate('close', () => {
      this.#open = false
    })
  }

  #operate(operation: string, ...steps: readonly Step[]): Promise<void> {
    const guarded = steps.map((step) => () => {
      if (!this.#open) throw new TreeError('EBADF', 'the file is closed')
      step()
    })
    return operate(this.#machine, this.#process, operation, this.#path, guarded)
  }
}
