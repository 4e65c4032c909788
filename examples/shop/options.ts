/** The command line of the shop demo. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface ShopOptions {
  /** Everything is kept here; the next run goes on. */
  readonly folder: string
  readonly seconds: number
  /** Ratings a second. */
  readonly rate: number
  readonly broken: boolean
}

/** Ends the process with a sentence when an option is wrong. */
export function readOptions(args: readonly string[]): ShopOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        dir: { type: 'string', default: 'shop-data' },
        seconds: { type: 'string', default: '30' },
        rate: { type: 'string', default: '40' },
        broken: { type: 'boolean', default: false },
      },
    })
    return {
      folder: resolve(values.dir),
      seconds: within('--seconds', values.seconds, 3600),
      rate: within('--rate', values.rate, 2000),
      broken: values.broken,
    }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${HELP}`)
    process.exit(1)
  }
}

const HELP = `
npm run demo:shop -- [options]
  --broken        the API of profiles and vouchers fails for 10 s; then dead letters are redriven
  --seconds 30    how long ratings come
  --rate 40       ratings a second
  --dir DIR       keep everything here (default: shop-data); the next run goes on there
`

function within(option: string, text: string, most: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= 1 && number <= most) return number
  throw new Error(`${option}: expected a whole number from 1 to ${most}, got "${text}"`)
}
