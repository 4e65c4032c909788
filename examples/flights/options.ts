/** The command line of the demo. */
import { parseArgs } from 'node:util'

export interface DemoOptions {
  /** Keep everything here and go on with it next time. Default: in memory. */
  readonly dir: string | undefined
  readonly forMs: number | undefined
  /** How many times faster than the clock the flights depart. */
  readonly speed: number
  readonly flights: number
  /** Draw in the terminal instead of printing JSON lines. */
  readonly live: boolean
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Ends the process with a sentence when an option is wrong. */
export function readOptions(args: readonly string[]): DemoOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        dir: { type: 'string' },
        for: { type: 'string' },
        speed: { type: 'string', default: '1d' },
        flights: { type: 'string', default: '20000' },
        json: { type: 'boolean', default: false },
      },
    })
    return {
      dir: values.dir,
      forMs: values.for === undefined ? undefined : duration('--for', values.for),
      // Faster than that the clock of the replay would lose milliseconds.
      speed: values.speed === 'max' ? 1e12 : duration('--speed', values.speed) / 1000,
      flights: count('--flights', values.flights),
      live: process.stdout.isTTY && !values.json,
    }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${HELP}`)
    process.exit(1)
  }
}

const HELP = `
npm run demo -- [options]
  --for 20s       stop after this long (default: when all flights are processed)
  --dir DIR       keep everything in this folder; the next run goes on there
  --speed 1d      how much flight time passes in a second: 6h, 1d, 7d … or max
  --flights N     only the first N of 20,000 flights
  --json          JSON lines even in a terminal
`

function duration(option: string, text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? []
  if (unit !== undefined && Number(amount) > 0) return Number(amount) * UNITS[unit]!
  throw new Error(`${option}: expected a duration such as 20s, 6h or 1d, got "${text}"`)
}

function count(option: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new Error(`${option}: expected a number of flights >= 1, got "${text}"`)
}
