/**
 * The shop demo as a user runs it: once with an outage, once more on the same folder. What its topics and its chat room say in the
 * end is computed anew with SQL; and the check that the demo prints is shown to find what is missing, doubled or wrong.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { follow, openRuntime } from 'sluice/embed'
import { apologies, enriched, ratings, unhappy } from '../../examples/shop/app.ts'
import type { Apology, Rating, RatingOfCustomer } from '../../examples/shop/app.ts'
import type { ChatLine } from '../../examples/shop/chat.ts'
import { check, isSound } from '../../examples/shop/check.ts'
import { fillCustomers, upgradeOne } from '../../examples/shop/customers.ts'

const root = new URL('../../', import.meta.url).pathname

interface Finished {
  readonly text: string
  readonly errors: string
  readonly code: number | null
}

function demo(...args: readonly string[]): Promise<Finished> {
  const child = spawn(
    process.execPath,
    ['--import', join(root, 'scripts/from-source.ts'), join(root, 'examples/shop/demo.ts'), ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let [text, errors] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
  child.stderr.setEncoding('utf8').on('data', (part: string) => (errors += part))
  return new Promise((resolve) => child.once('close', (code) => resolve({ text, errors, code })))
}

interface Kept {
  readonly ratings: readonly Rating[]
  readonly enriched: readonly RatingOfCustomer[]
  /** Without what was sent a second time by a redrive. */
  readonly unhappy: readonly RatingOfCustomer[]
  readonly apologies: readonly Apology[]
  readonly chat: readonly ChatLine[]
}

async function kept(folder: string): Promise<Kept> {
  const runtime = await openRuntime({ folder })
  const broker = runtime.connect()
  async function values<V>({
    name,
    ...serdes
  }: {
    readonly name: string
  } & Pick<Parameters<typeof follow<string, V>>[1], 'key' | 'value'>): Promise<readonly V[]> {
    const all: V[] = []
    const follower = await follow<string, V>(broker, {
      topic: name,
      ...serdes,
      each: ({ value, headers }) => {
        if (!headers.some(({ key }) => key === 'sluice.redrive.letter')) all.push(value!)
      },
    })
    await follower.caughtUp()
    await follower.close()
    return all
  }
  const result = {
    ratings: await values(ratings),
    enriched: await values(enriched),
    unhappy: await values(unhappy),
    chat: readFileSync(join(folder, 'chat.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ChatLine),
  }
  // What a redrive made is an apology as any other, and carries its header on.
  const sorry: Apology[] = []
  const all = await follow(broker, {
    ...apologies,
    topic: apologies.name,
    each: ({ value }) => sorry.push(value!),
  })
  await all.caughtUp()
  await all.close()
  await runtime.close()
  return { ...result, apologies: sorry }
}

/** What must have come of these ratings, in SQL over the customers' own database. */
function oracle(
  file: string,
  seen: Kept,
): { readonly joined: readonly number[]; readonly upset: readonly number[] } {
  const database = new DatabaseSync(file, { readOnly: true })
  const joined = database
    .prepare(
      `select value ->> 'rating_id' as id from json_each(?)
       where value ->> 'user_id' in (select id from customers) order by 1`,
    )
    .all(JSON.stringify(seen.ratings))
  // Which version of a customer a rating met is for the stream to say; everything else follows from it.
  const upset = database
    .prepare(
      `select r.value ->> 'rating_id' as id from json_each(?1) r
       join json_each(?2) e on e.value ->> 'rating_id' = r.value ->> 'rating_id'
       join versions v on v.version = e.value ->> 'version' and v.id = r.value ->> 'user_id'
       where r.value ->> 'stars' < 3 and v.club_status = 'platinum' order by 1`,
    )
    .all(JSON.stringify(seen.ratings), JSON.stringify(seen.enriched))
  database.close()
  return { joined: joined.map(({ id }) => Number(id)), upset: upset.map(({ id }) => Number(id)) }
}

const ids = (all: readonly { readonly rating_id: number }[]): readonly number[] =>
  all.map(({ rating_id }) => rating_id).toSorted((a, b) => a - b)

describe('the shop demo', () => {
  let folder: string
  let broken: Finished
  let again: Finished
  let seen: Kept
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-shop-'))
    broken = await demo('--dir', folder, '--broken', '--seconds', '4', '--rate', '120')
    again = await demo('--dir', folder, '--seconds', '1', '--rate', '60')
    if (broken.code !== 0 || again.code !== 0) throw new Error(broken.errors + broken.text + again.errors)
    seen = await kept(folder)
  }, 60_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('shows breaker, fallback, dead letters and redrive of an outage', () => {
    expect(broken.errors).toBe('')
    expect(broken.code).toBe(0)
    expect(broken.text).toContain('answers 503 from now on, for 2 s')
    for (const node of ['profile', 'voucher']) {
      expect(broken.text).toContain(`${node}: circuit breaker open`)
      expect(broken.text).toContain(`${node}: circuit breaker closed`)
    }
    const figure = (name: string): number =>
      Number(new RegExp(`^${name} +([\\d,]+)$`, 'm').exec(broken.text)?.[1])
    expect(figure('profiles by fallback')).toBeGreaterThan(0)
    expect(figure('dead letters')).toBeGreaterThan(0)
    expect(figure('redriven')).toBe(figure('dead letters'))
    expect(broken.text).toMatch(/unhappy-platinum-customers-\d@\d+ +voucher +SLUICE_ENRICH_/)
    expect(broken.text).toMatch(
      /#unhappy-platinum {2}.+ gave (1 star|2 stars) .+ Voucher SORRY-\d+ over \d+ €/,
    )
    expect(broken.text).toContain('Nothing lost, nothing doubled')
  })

  it('goes on in its folder when it is run again', () => {
    expect(again.errors).toBe('')
    expect(again.code).toBe(0)
    expect(again.text).toContain('Nothing lost, nothing doubled')
    expect(ids(seen.ratings)).toEqual(seen.ratings.map((_, at) => at + 1))
    const first = Number(/^ratings +(\d+)$/m.exec(broken.text)![1])
    const second = Number(/^ratings +(\d+)$/m.exec(again.text)![1])
    expect(seen.ratings).toHaveLength(first + second)
  })

  it('wrote what SQL says, each once', () => {
    const { joined, upset } = oracle(join(folder, 'customers.db'), seen)
    expect(joined.length).toBeGreaterThan(300)
    expect(ids(seen.enriched)).toEqual(joined)
    expect(ids(seen.unhappy)).toEqual(upset)
    expect(ids(seen.apologies)).toEqual(upset)
    expect(ids(seen.chat)).toEqual(upset)
    for (const { rating_id, voucher } of seen.apologies)
      expect(voucher?.code).toBe(`SORRY-${String(rating_id).padStart(5, '0')}`)
    expect(seen.enriched.some(({ profile }) => profile === null)).toBe(true)
    expect(seen.enriched.some(({ profile }) => profile !== null)).toBe(true)
    // Updates of the table in between are seen live.
    expect(Math.max(...seen.enriched.map(({ version }) => version))).toBeGreaterThan(20)
  })

  it('has a check that finds what is lost, doubled or wrong', async () => {
    const runtime = await openRuntime({ folder })
    const file = join(folder, 'customers.db')
    const look = async (chat: readonly ChatLine[]): Promise<unknown> => {
      const findings = await check(runtime, file, chat)
      return { ...findings.at(-1)!, sound: isSound(findings) }
    }
    const [first, ...rest] = seen.chat
    expect(await look(seen.chat)).toMatchObject({ lost: 0, doubled: 0, wrong: 0, sound: true })
    expect(await look(rest)).toMatchObject({ lost: 1, doubled: 0, wrong: 0, sound: false })
    expect(await look([...seen.chat, first!])).toMatchObject({ lost: 0, doubled: 1, sound: false })
    expect(await look([{ ...first!, rating_id: 0 }, ...rest])).toMatchObject({
      lost: 1,
      wrong: 1,
      sound: false,
    })
    const database = new DatabaseSync(file)
    database.exec("update versions set club_status = 'gold' where version = 2")
    database.close()
    const [joined] = await check(runtime, file, seen.chat)
    expect(joined!.wrong).toBe(seen.enriched.filter(({ version }) => version === 2).length)
    expect(joined!.wrong).toBeGreaterThan(0)
    await runtime.close()
  })

  it('refuses a wrong option with what is possible, and leaves nothing behind', async () => {
    const nowhere = join(folder, 'nowhere')
    const { code, errors } = await demo('--dir', nowhere, '--seconds', 'long')
    expect(code).toBe(1)
    expect(errors).toContain('--seconds: expected a whole number from 1 to 3600, got "long"')
    expect(errors).toContain('npm run demo:shop -- [options]')
    expect(existsSync(nowhere)).toBe(false)
  })
})

describe('the customers', () => {
  it('are 20, five of them platinum, and every write of one is a version', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-customers-'))
    const file = join(folder, 'customers.db')
    fillCustomers(file)
    fillCustomers(file)
    expect(upgradeOne(file)).toBe('Rica Blaisdell')
    const database = new DatabaseSync(file)
    const platinum = database
      .prepare("select id from customers where club_status = 'platinum' order by id")
      .all()
    expect(platinum.map(({ id }) => id)).toEqual([1, 2, 4, 5, 6, 13])
    const versions = database.prepare(
      'select count(*) as n, max(version) as top, count(distinct id) as ids from versions',
    )
    expect({ ...versions.get() }).toEqual({ n: 21, top: 21, ids: 20 })
    expect({
      ...database.prepare('select version, club_status from versions where id = 1 and version > 1').get(),
    }).toEqual({ version: 21, club_status: 'platinum' })
    database.close()
    rmSync(folder, { recursive: true, force: true })
  })
})
