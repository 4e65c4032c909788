/**
 * The demo as a user runs it: processes of its own, killed and started again on one folder. In the end the topics must say what
 * one SQL query over the same files says.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { follow, openRuntime } from 'sluice/embed'
import { delayAlerts, LATE_MINUTES, worstOrigins } from '../../examples/flights/app.ts'
import type { Origin } from '../../examples/flights/app.ts'
import { fillAirports, readFlights } from '../../examples/flights/data.ts'
import { startRebooking } from '../../examples/flights/rebooking.ts'

const root = new URL('../../', import.meta.url).pathname

interface Finished {
  readonly lines: readonly string[]
  readonly code: number | null
}

/** Runs the demo; `look` sees every line and may answer `kill`. */
function demo(
  args: readonly string[],
  look: (line: string, seen: number) => 'kill' | void = () => {},
): Promise<Finished> {
  const child = spawn(
    process.execPath,
    ['--import', join(root, 'scripts/from-source.ts'), join(root, 'examples/flights/demo.ts'), ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let text = ''
  let seen = 0
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
    for (const line of text.split('\n').slice(seen, -1)) {
      seen++
      if (look(line, seen) === 'kill') child.kill('SIGKILL')
    }
  })
  return new Promise((resolve) =>
    child.once('close', (code) => resolve({ lines: text.split('\n').filter((line) => line !== ''), code })),
  )
}

/** What the files themselves say, in one query. */
function oracle(flights: number, airportsFile: string): readonly Origin[] {
  const database = new DatabaseSync(airportsFile, { readOnly: true })
  const file = join(root, 'node_modules/vega-datasets/data/flights-20k.json')
  const rows = database
    .prepare(
      `select value ->> 'origin' as origin, coalesce(city, value ->> 'origin') as city, count(*) as flights,
         sum(value ->> 'delay' > ${LATE_MINUTES}) as late, sum(value ->> 'delay') as totalDelay,
         max(value ->> 'delay') as worstDelay
       from json_each(?) left join airports on iata = value ->> 'origin'
       where key < ? group by 1, 2 order by 1`,
    )
    .all(readFileSync(file, 'utf8'), flights)
  database.close()
  return rows.map((row) => ({ ...row }) as unknown as Origin)
}

interface Kept {
  readonly origins: readonly Origin[]
  readonly alerts: readonly string[]
}

/** What is in the topics of the folder. */
async function kept(folder: string): Promise<Kept> {
  const runtime = await openRuntime({ folder })
  const origins = new Map<string, Origin>()
  const alerts: string[] = []
  const broker = runtime.connect()
  const table = await follow(broker, {
    ...worstOrigins,
    topic: worstOrigins.name,
    each: ({ key, value }) => origins.set(key!, value!),
  })
  const late = await follow(broker, {
    ...delayAlerts,
    topic: delayAlerts.name,
    each: ({ value }) => alerts.push(value!.id),
  })
  await Promise.all([table.caughtUp(), late.caughtUp()])
  await Promise.all([table.close(), late.close()])
  await runtime.close()
  const sorted = [...origins.values()].toSorted((a, b) => (a.origin < b.origin ? -1 : 1))
  return { origins: sorted, alerts: alerts.toSorted() }
}

describe('the demo', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-flights-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('says what SQL says, although it was killed in the middle and stopped once more', async () => {
    const flights = 3000
    const args = ['--dir', folder, '--flights', String(flights)]
    const killed = await demo([...args, '--speed', '10d'], (_, seen) => (seen === 20 ? 'kill' : undefined))
    expect(killed.code).toBe(null)
    const stopped = await demo([...args, '--speed', '2d', '--for', '2s'])
    expect(stopped.code).toBe(0)
    expect(JSON.parse(stopped.lines.at(-1)!)).toMatchObject({ event: 'totals', finished: false })
    const last = await demo([...args, '--speed', 'max'])
    expect(last.code).toBe(0)
    const expected = oracle(flights, join(folder, 'airports.db'))
    const late = expected.reduce((sum, row) => sum + row.late, 0)
    const totals: unknown = JSON.parse(last.lines.at(-1)!)
    expect(totals).toMatchObject({ finished: true, flights, late, alerts: late, doubledAlerts: 0 })
    const { origins, alerts } = await kept(folder)
    expect(origins).toEqual(expected)
    const lateIds = readFlights(flights).filter(({ delay }) => delay > LATE_MINUTES)
    expect(alerts).toEqual(lateIds.map(({ id }) => id))
  }, 90_000)

  it('prints a JSON line per alert and one of totals, then ends by itself', async () => {
    const { lines, code } = await demo(['--flights', '400', '--speed', 'max'])
    const [totals, ...alerts] = lines.map((line) => JSON.parse(line) as Record<string, unknown>).toReversed()
    expect(code).toBe(0)
    expect(totals).toMatchObject({ event: 'totals', finished: true, flights: 400, alerts: alerts.length })
    const ids = readFlights(400).filter(({ delay }) => delay > LATE_MINUTES)
    expect(alerts.map(({ id }) => String(id)).toSorted()).toEqual(ids.map(({ id }) => id))
    expect(alerts.every((alert) => typeof alert['city'] === 'string' && 'rebooking' in alert)).toBe(true)
  })

  it('refuses a wrong option with what is possible', async () => {
    const args = ['--for', 'soon']
    const child = spawn(
      process.execPath,
      ['--import', join(root, 'scripts/from-source.ts'), join(root, 'examples/flights/demo.ts'), ...args],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part))
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect(code).toBe(1)
    expect(text).toContain('--for: expected a duration such as 20s, 6h or 1d, got "soon"')
    expect(text).toContain('npm run demo -- [options]')
  })
})

describe('the airports', () => {
  it('number every write, so that a poller sees updates', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-airports-'))
    const file = join(folder, 'airports.db')
    fillAirports(file)
    fillAirports(file)
    const database = new DatabaseSync(file)
    const versions = database.prepare(
      'select count(*) as n, count(distinct version) as v, max(version) as top from airports',
    )
    expect({ ...versions.get() }).toEqual({ n: 3376, v: 3376, top: 3376 })
    database.exec("update airports set city = 'Gotham' where iata = 'JFK'")
    expect({ ...database.prepare("select version from airports where iata = 'JFK'").get() }).toEqual({
      version: 3377,
    })
    database.close()
    rmSync(folder, { recursive: true, force: true })
  })
})

describe('the rebooking service', () => {
  it('is slow, and fails now and then', async () => {
    const service = await startRebooking()
    const asked = performance.now()
    const statuses = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const answer = await fetch(`${service.url}/rebooking/JFK/LAX`)
        await answer.arrayBuffer()
        return answer.status
      }),
    )
    expect(performance.now() - asked).toBeGreaterThan(100)
    const failures = statuses.filter((status) => status === 503).length
    expect(failures).toBeGreaterThan(0)
    expect(failures).toBeLessThan(20)
    expect(statuses.filter((status) => status === 200)).toHaveLength(300 - failures)
    await service.close()
  })
})
