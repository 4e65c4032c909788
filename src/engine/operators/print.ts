/** print: writes each record as one line, `[label]: key, value`, and ends there; for looking, never for output. */
import type { TopologyNode } from '../topology/node.ts'
import type { At } from './callbacks.ts'

/** Where lines go; a line comes without its line break. */
export type WriteLine = (line: string) => void

export function print(at: At, label: string, write: WriteLine): TopologyNode {
  const start = `[${label}]: `
  return {
    name: at.name,
    kind: 'print',
    parents: [at.parent],
    reads: 'both',
    keeps: 'nothing',
    build: () => ({ process: ({ key, value }) => write(`${start}${shown(key)}, ${shown(value)}`) }),
  }
}

/** Text as it is, `null` for nothing, everything else as JSON; what has no JSON form as JavaScript prints it. */
function shown(side: unknown): string {
  if (typeof side === 'string') return side
  if (side === null || side === undefined) return 'null'
  if (typeof side === 'bigint' || typeof side === 'symbol') return side.toString()
  try {
    return JSON.stringify(side) ?? Object.prototype.toString.call(side)
  } catch {
    // An object that contains itself: looking must not send the record to the dead letters.
    return Object.prototype.toString.call(side)
  }
}
