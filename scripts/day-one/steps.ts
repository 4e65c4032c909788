/** Steps with the time they took; a step that does not do what it should ends the script with what came instead. */

/** Throws what came when something does not hold. */
export function expect(holds: boolean, what: string, came: string = ''): void {
  if (!holds) throw new Error(`expected: ${what}\n${came}`)
}

/** Measures steps. */
export class Stopwatch {
  readonly #steps: { readonly name: string; readonly ms: number }[] = []

  async step(name: string, work: () => unknown): Promise<void> {
    const began = performance.now()
    try {
      await work()
    } catch (error) {
      throw new Error(`step "${name}" failed`, { cause: error })
    }
    this.#steps.push({ name, ms: performance.now() - began })
  }

  get totalMs(): number {
    return this.#steps.reduce((sum, { ms }) => sum + ms, 0)
  }

  /** One line a step, the total last. */
  table(): string {
    const rows = [...this.#steps, { name: 'total', ms: this.totalMs }]
    const width = Math.max(...rows.map(({ name }) => name.length))
    return rows
      .map(({ name, ms }) => `${name.padEnd(width)}  ${(ms / 1000).toFixed(1).padStart(6)} s`)
      .join('\n')
  }
}
