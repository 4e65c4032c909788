/** The oracle of a store: three maps (committed, sealed, open) and the list of changes, all without a cache. */
import type { Timestamped } from '../../../src/engine/state/codec.ts'

export type Value = { readonly n: number }
export interface Cell {
  readonly key: string
  /** Undefined = deleted. */
  readonly held: Timestamped<Value> | undefined
}

export class StoreModel {
  readonly committed = new Map<string, Cell>()
  readonly sealed = new Map<string, Cell>()
  readonly open = new Map<string, Cell>()
  /** Keys taken for the storage and not yet `written`. */
  taken: string[] = []
  readonly changes = new Map<string, { readonly cell: Cell; readonly old: Timestamped<Value> | undefined }>()

  get(key: string): Timestamped<Value> | undefined {
    return (this.open.get(key) ?? this.sealed.get(key) ?? this.committed.get(key))?.held
  }

  update(cell: Cell): void {
    const old = this.changes.has(cell.key) ? this.changes.get(cell.key)!.old : this.get(cell.key)
    this.changes.delete(cell.key)
    this.changes.set(cell.key, { cell, old })
    this.open.set(cell.key, cell)
  }

  seal(): void {
    for (const cell of this.open.values()) this.sealed.set(cell.key, cell)
    this.open.clear()
  }

  take(keys: readonly string[]): void {
    for (const key of keys) {
      this.committed.set(key, this.sealed.get(key)!)
      this.taken.push(key)
    }
  }

  written(): void {
    for (const key of this.taken) this.sealed.delete(key)
    this.taken = []
  }

  forget(): void {
    this.open.clear()
    this.sealed.clear()
    this.changes.clear()
    this.taken = []
  }

  /** Entries in the byte order of the UTF-8 keys. */
  entries(wanted: (key: string) => boolean = () => true): [string, Timestamped<Value>][] {
    const keys = new Set([...this.committed.keys(), ...this.sealed.keys(), ...this.open.keys()])
    return [...keys]
      .filter(wanted)
      .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .flatMap((key) => {
        const held = this.get(key)
        return held === undefined ? [] : [[key, held] as [string, Timestamped<Value>]]
      })
  }
}
