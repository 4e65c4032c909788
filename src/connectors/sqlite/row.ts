/** Rows of SQLite as keys and values of records: text and JSON without losing a digit of an integer. */
import { sluiceError } from '../../core/errors.ts'

/** What a column holds when integers are read as bigints. */
export type Column = null | bigint | number | string | Uint8Array

export type Row = Readonly<Record<string, Column>>

/** The row as a JSON object. A REAL that JSON has no word for (infinity) becomes null, as JSON.stringify does. */
export function jsonOf(row: Row): string {
  const fields = Object.entries(row).map(([name, column]) => `${JSON.stringify(name)}:${literal(column)}`)
  return `{${fields.join(',')}}`
}

/** @throws SLUICE_CONFIG_INVALID for a null key: such a row could never be updated */
export function keyText(column: Column | undefined, place: string): string {
  if (column === null || column === undefined) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place,
      expected: 'a key in every row',
      came: 'null',
    })
  }
  return column instanceof Uint8Array ? Buffer.from(column).toString('base64') : String(column)
}

function literal(column: Column): string {
  if (typeof column === 'bigint') return column.toString()
  return JSON.stringify(column instanceof Uint8Array ? Buffer.from(column).toString('base64') : column)
}
