/**
 * The names of a simulated disk: a tree of folders and files as processes see it, and the journal of what happened to it
 * and is not durable yet. It knows nothing of time, processes and faults.
 */
import { FileContent } from './file-content.ts'
import { drawFates } from './power-cut.ts'
import type { SeededRandom } from './random.ts'

export type TreeNode = FileContent | FolderContent

export class FolderContent {
  readonly kind = 'folder' as const
  seen: Map<string, TreeNode> = new Map<string, TreeNode>()
  readonly durable: Map<string, TreeNode> = new Map()
}

/** One name in one folder gets another meaning; `undefined` = the name is not there. */
interface Renaming {
  readonly folder: FolderContent
  readonly name: string
  readonly before: TreeNode | undefined
  readonly after: TreeNode | undefined
}

/** What a system call would fail with. */
export class TreeError extends Error {
  readonly code: string

  constructor(code: string, problem: string) {
    super(problem)
    this.code = code
  }
}

export class FileTree {
  readonly #root = new FolderContent()
  /** Each step happens as a whole or not at all. */
  #journal: (readonly Renaming[])[] = []

  find(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.#root
    for (const name of namesOf(path)) node = node?.kind === 'folder' ? node.seen.get(name) : undefined
    return node
  }

  /** @throws TreeError ENOTDIR, ENOENT */
  folder(path: string): FolderContent {
    const node = this.find(path)
    if (node === undefined) throw new TreeError('ENOENT', 'there is no such folder')
    if (node.kind !== 'folder') throw new TreeError('ENOTDIR', 'it is not a folder')
    return node
  }

  /** @throws TreeError EISDIR */
  file(path: string): FileContent | undefined {
    const node = this.find(path)
    if (node?.kind === 'folder') throw new TreeError('EISDIR', 'it is a folder')
    return node
  }

  /** The file, made when absent. @throws TreeError EISDIR, ENOENT, ENOTDIR */
  openFile(path: string): FileContent {
    const found = this.file(path)
    if (found !== undefined) return found
    const [folder, name] = this.#place(path)
    const made = new FileContent()
    this.#step([{ folder, name, before: undefined, after: made }])
    return made
  }

  /** Makes a folder with its parents. @returns the folders in which a name appeared */
  makeFolder(path: string): readonly FolderContent[] {
    const changed: FolderContent[] = []
    let folder = this.#root
    for (const name of namesOf(path)) {
      let next = folder.seen.get(name)
      if (next?.kind === 'file') throw new TreeError('EEXIST', 'it is a file')
      if (next === undefined) {
        next = new FolderContent()
        this.#step([{ folder, name, before: undefined, after: next }])
        changed.push(folder)
      }
      folder = next
    }
    return changed
  }

  /** Single steps that remove a file or a whole folder, children first. */
  removal(path: string): readonly (() => void)[] {
    const node = this.find(path)
    if (node === undefined) return []
    const [folder, name] = this.#place(path)
    return Array.from(removals(folder, name, node), (change) => () => {
      // Another process may have been faster.
      if (change.folder.seen.get(change.name) === change.before) this.#step([change])
    })
  }

  /** @throws TreeError ENOENT, EISDIR, ENOTEMPTY */
  rename(from: string, to: string): void {
    const node = this.find(from)
    if (node === undefined) throw new TreeError('ENOENT', 'there is no such file')
    const [oldFolder, oldName] = this.#place(from)
    const [folder, name] = this.#place(to)
    const before = folder.seen.get(name)
    if (before === node) return
    if (before?.kind === 'folder') {
      if (node.kind === 'file') throw new TreeError('EISDIR', 'the target is a folder')
      if (before.seen.size > 0) throw new TreeError('ENOTEMPTY', 'the target is not empty')
    }
    this.#step([
      { folder, name, before, after: node },
      { folder: oldFolder, name: oldName, before: node, after: undefined },
    ])
  }

  /** Makes the names in these folders durable, and what hangs together with them: the other side of a rename. */
  sync(folders: readonly FolderContent[]): void {
    const touched = new Set(folders)
    const durable = new Set<readonly Renaming[]>()
    for (const step of this.#journal.toReversed()) {
      if (!step.some(({ folder }) => touched.has(folder))) continue
      durable.add(step)
      for (const { folder } of step) touched.add(folder)
    }
    for (const step of this.#journal) if (durable.has(step)) arrive(step)
    this.#journal = this.#journal.filter((step) => !durable.has(step))
  }

  parent(path: string): FolderContent {
    return this.#place(path)[0]
  }

  /** Each step since the last sync arrived or did not; a step only on top of those of the same names before it. */
  powerCut(random: SeededRandom): void {
    const fates = drawFates(this.#journal.length, random)
    for (const [at, step] of this.#journal.entries()) {
      const fits = step.every(({ folder, name, before }) => folder.durable.get(name) === before)
      if (fates[at] === 'kept' && fits) arrive(step)
    }
    this.#journal = []
    forget(this.#root, random)
  }

  #step(step: readonly Renaming[]): void {
    for (const { folder, name, after } of step) put(folder.seen, name, after)
    this.#journal.push(step)
  }

  #place(path: string): [FolderContent, string] {
    const names = namesOf(path)
    const name = names.pop()
    if (name === undefined) throw new TreeError('EBUSY', 'it is the root')
    return [this.folder(names.join('/')), name]
  }
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

function* removals(folder: FolderContent, name: string, node: TreeNode): Generator<Renaming> {
  if (node.kind === 'folder') for (const [child, inside] of node.seen) yield* removals(node, child, inside)
  yield { folder, name, before: node, after: undefined }
}

function arrive(step: readonly Renaming[]): void {
  for (const { folder, name, after } of step) put(folder.durable, name, after)
}

function put(names: Map<string, TreeNode>, name: string, node: TreeNode | undefined): void {
  if (node === undefined) names.delete(name)
  else names.set(name, node)
}

/** From here on processes see what is durable. */
function forget(folder: FolderContent, random: SeededRandom): void {
  folder.seen = new Map(folder.durable)
  for (const node of folder.seen.values()) {
    if (node.kind === 'folder') forget(node, random)
    else node.powerCut(random)
  }
}
