/**
 * A sorted set as Java's TreeSet keeps it: a red-black tree. Its order is that of its elements' ranks when each was added, so it shows
 * where ranks changed meanwhile; `describe()` prints such sets. Nothing else may depend on it.
 */
interface Branch<T> {
  readonly value: T
  red: boolean
  parent: Branch<T> | undefined
  readonly below: [Branch<T> | undefined, Branch<T> | undefined]
}

type Side = 0 | 1

export class TreeOrder<T> {
  readonly #compare: (a: T, b: T) => number
  #root: Branch<T> | undefined

  /** @param compare may answer otherwise for the same two later on */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  /** Does nothing when an equal one is met on the way down. */
  add(value: T): void {
    let parent: Branch<T> | undefined
    let side: Side = 0
    for (let at = this.#root; at !== undefined; at = at.below[side]) {
      const order = this.#compare(value, at.value)
      if (order === 0) return
      parent = at
      side = order < 0 ? 0 : 1
    }
    const added: Branch<T> = { value, red: true, parent, below: [undefined, undefined] }
    if (parent === undefined) this.#root = added
    else parent.below[side] = added
    this.#balance(added)
  }

  /** From the first to the last. */
  values(): readonly T[] {
    const found: T[] = []
    const visit = (at: Branch<T> | undefined): void => {
      if (at === undefined) return
      visit(at.below[0])
      found.push(at.value)
      visit(at.below[1])
    }
    visit(this.#root)
    return found
  }

  /** No red one below a red one, on any path equally many black ones. */
  #balance(added: Branch<T>): void {
    let at = added
    while (at.parent?.red === true) {
      const [parent, grand] = [at.parent, at.parent.parent!]
      const side = sideOf(parent)
      const uncle = grand.below[other(side)]
      if (uncle?.red === true) {
        parent.red = uncle.red = false
        grand.red = true
        at = grand
        continue
      }
      if (sideOf(at) !== side) {
        this.#rotate(parent, side)
        at = parent
      }
      at.parent!.red = false
      grand.red = true
      this.#rotate(grand, other(side))
    }
    this.#root!.red = false
  }

  /** The one on the other side takes its place; it goes down on this side. */
  #rotate(at: Branch<T>, side: Side): void {
    const up = at.below[other(side)]!
    at.below[other(side)] = up.below[side]
    if (up.below[side] !== undefined) up.below[side].parent = at
    up.parent = at.parent
    if (at.parent === undefined) this.#root = up
    else at.parent.below[sideOf(at)] = up
    up.below[side] = at
    at.parent = up
  }
}

function sideOf<T>(at: Branch<T>): Side {
  return at.parent!.below[0] === at ? 0 : 1
}

function other(side: Side): Side {
  return side === 0 ? 1 : 0
}
