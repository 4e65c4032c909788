/**
 * Names of nodes, stores and internal topics: from the user or from content (source topics, key-changing steps, own
 * verb). State never gets its name from a counter, or editing one branch would orphan the state of another.
 */
import { sluiceError } from '../../core/errors.ts'

/** Several topics read or merged as one: `orders-and-returns`; a part that is there already is not repeated. */
export function mergedName(parts: readonly string[]): string {
  return [...new Set(parts)].join('-and-')
}

/** A step after what came before it: `ratings` + `count` = `ratings-count`. */
export function stepName(lineage: string, step: string): string {
  return `${lineage}-${step}`
}

export function ledgerName(node: string): string {
  return `${node}-ledger`
}

/** As Java: `<application>-<store>-changelog`. */
export function changelogTopic(application: string, store: string): string {
  return `${application}-${store}-changelog`
}

/** As Java: `<application>-<name>-repartition`. */
export function repartitionTopic(application: string, name: string): string {
  return `${application}-${name}-repartition`
}

/** As Java: an internal topic with a name of its own. */
export function scopedTopic(application: string, topic: string): string {
  return `${application}-${topic}`
}

/** A name given by the user for a node, store or repartition topic. @throws SLUICE_CONFIG_INVALID */
export function checkName(name: string, place: string): string {
  if (!/^[a-zA-Z0-9._-]{1,200}$/.test(name)) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place,
      expected: 'a name of 1 to 200 letters, digits, ".", "_", "-" (it becomes part of topic names)',
      came: JSON.stringify(name),
    })
  }
  return name
}

/** Who holds which name among things of one sort. */
export class Names {
  readonly #what: string
  readonly #owners = new Map<string, string>()

  /** @param what the sort, for the message: `node`, `store` … */
  constructor(what: string) {
    this.#what = what
  }

  /** @throws SLUICE_NAME_TAKEN naming both owners */
  claim(name: string, owner: string): void {
    const first = this.#owners.get(name)
    if (first !== undefined) {
      throw sluiceError('SLUICE_NAME_TAKEN', { what: this.#what, name, first, second: owner })
    }
    this.#owners.set(name, owner)
  }

  /** `name`, or with -2, -3 … behind it when taken: only for what holds no state. */
  free(name: string): string {
    let candidate = name
    for (let copy = 2; this.#owners.has(candidate); copy++) candidate = `${name}-${copy}`
    return candidate
  }
}
