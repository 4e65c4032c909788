/** Lines to standard output, for whoever asked for them by name (the verb print). */

export function writeLine(line: string): void {
  process.stdout.write(`${line}\n`)
}
