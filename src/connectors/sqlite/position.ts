/** The position of a polled table as text: value of the ordering column and key of the last row, with their types. */
import { sluiceError } from '../../core/errors.ts'
import type { Column } from './row.ts'

export interface Position {
  /** Name of the ordering column, or `rowid`. */
  readonly by: string
  readonly order: Column
  readonly tie: Column
}

export function toText({ by, order, tie }: Position): string {
  return JSON.stringify({ by, order: typed(order), tie: typed(tie) })
}

/**
 * @param updated the ordering column as configured now
 * @throws SLUICE_CONFIG_INVALID when the position was made with another ordering column: comparing with it would skip rows
 */
export function fromText(text: string, label: string, updated: string | undefined): Position | undefined {
  if (text === '') return undefined
  const { by, order, tie } = JSON.parse(text) as { by: string; order: Typed; tie: Typed }
  const wanted = updated ?? 'rowid'
  if (by !== wanted) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `${label}: updated`,
      expected: `"${by}", by which this source has been read so far (or another name for the source)`,
      came: wanted,
    })
  }
  return { by, order: untyped(order), tie: untyped(tie) }
}

type Typed = readonly ['n'] | readonly ['i' | 's' | 'b', string] | readonly ['r', number]

function typed(column: Column): Typed {
  if (column === null) return ['n']
  if (typeof column === 'bigint') return ['i', column.toString()]
  if (typeof column === 'number') return ['r', column]
  if (typeof column === 'string') return ['s', column]
  return ['b', Buffer.from(column).toString('base64')]
}

function untyped(typed: Typed): Column {
  switch (typed[0]) {
    case 'n':
      return null
    case 'i':
      return BigInt(typed[1])
    case 'r':
    case 's':
      return typed[1]
    case 'b':
      return Buffer.from(typed[1], 'base64')
  }
}
