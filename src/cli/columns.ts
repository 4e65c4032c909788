/** Lines of columns, each as wide as its widest cell. */

/** The last column is never padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]!.length)))
  return rows
    .map(
      (row) =>
        `${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at]!))).join('  ')}\n`,
    )
    .join('')
}

/** One JSON object a line. */
export function jsonLine(content: object): string {
  return `${JSON.stringify(content)}\n`
}
