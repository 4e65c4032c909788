/** The polling SQLite source against real files: what it sees, in which order, where it goes on, what it refuses. */
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { sqliteSource } from '../../../src/connectors/sqlite/index.ts'
import type { RecordSource, SourceReader } from '../../../src/core/source.ts'

let folder: string
let file: string
let database: DatabaseSync

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-sqlite-'))
  file = join(folder, 'shop.db')
  database = new DatabaseSync(file)
  database.exec('create table customers (id integer primary key, name text, version integer)')
})
afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true, force: true })
})

function source(extra: object = {}): RecordSource {
  return sqliteSource({ file, table: 'customers', key: 'id', updated: 'version', ...extra })
}

async function drain(reader: SourceReader, limit = 100): Promise<[string, unknown][]> {
  const all: [string, unknown][] = []
  for (;;) {
    const batch = await reader.poll(limit)
    for (const { key, value } of batch.records) all.push([key as string, JSON.parse(value as string)])
    if (batch.atEnd) return all
  }
}

describe('a table captured by polling', () => {
  it('hands out inserted and updated rows in the order of the updated column', async () => {
    const insert = database.prepare('insert or replace into customers values (?, ?, ?)')
    insert.run(1, 'Ada', 10)
    insert.run(2, 'Bob', 5)
    const reader = await source().open(undefined)
    expect((await drain(reader)).map(([key]) => key)).toEqual(['2', '1'])
    insert.run(2, 'Bobby', 11)
    expect(await drain(reader)).toEqual([['2', { id: 2, name: 'Bobby', version: 11 }]])
    await reader.close()
  })

  it('goes on behind a position in the middle of rows that share a value of the updated column', async () => {
    const insert = database.prepare('insert into customers values (?, ?, 1)')
    for (let id = 1; id <= 9; id++) insert.run(id, `c${id}`)
    const first = await source().open(undefined)
    const batch = await first.poll(4)
    await first.close()
    const second = await source().open(batch.position)
    expect((await drain(second)).map(([key]) => key)).toEqual(['5', '6', '7', '8', '9'])
    await second.close()
  })

  it('without an updated column hands out inserts by rowid', async () => {
    database.exec("insert into customers values (7, 'Eve', null), (3, 'Dan', null)")
    const reader = await source({ updated: undefined }).open(undefined)
    expect((await drain(reader)).map(([key]) => key)).toEqual(['3', '7'])
    await reader.close()
  })

  it('keeps every digit of an integer and carries blobs as base64', async () => {
    database.exec(
      "create table t (k text, n integer, b blob, v integer); insert into t values ('a', 9007199254740993, x'00ff', 1)",
    )
    const reader = await source({ table: 't', key: 'k', updated: 'v' }).open(undefined)
    const { records } = await reader.poll(10)
    expect(records[0]).toEqual({
      topic: 't',
      key: 'a',
      value: '{"k":"a","n":9007199254740993,"b":"AP8=","v":1}',
    })
    await reader.close()
  })

  it('takes the event time from a column of milliseconds or ISO text', async () => {
    database.exec(
      "create table t (k text, at, v integer); insert into t values ('a', 86400000, 1), ('b', '1970-01-03T00:00:00Z', 2)",
    )
    const reader = await source({ table: 't', key: 'k', updated: 'v', timestamp: 'at' }).open(undefined)
    expect((await reader.poll(10)).records.map(({ timestamp }) => timestamp)).toEqual([86400000, 172800000])
    await reader.close()
  })

  it('ends with the table whatever writes, polls and restarts came in between', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('write' as const),
        id: fc.integer({ min: 1, max: 6 }),
        name: fc.string(),
      }),
      fc.record({ kind: fc.constant('poll' as const), limit: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ kind: fc.constant('restart' as const) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        database.exec('delete from customers')
        const write = database.prepare('insert or replace into customers values (?, ?, ?)')
        const copy = new Map<string, unknown>()
        let version = 0
        let position: string | undefined
        let reader = await source().open(undefined)
        const poll = async (limit: number): Promise<boolean> => {
          const batch = await reader.poll(limit)
          for (const { key, value } of batch.records) copy.set(key as string, JSON.parse(value as string))
          position = batch.position
          return batch.atEnd
        }
        for (const one of steps) {
          if (one.kind === 'write') write.run(one.id, one.name, ++version)
          else if (one.kind === 'poll') await poll(one.limit)
          else {
            await reader.close()
            reader = await source().open(position)
          }
        }
        while (!(await poll(3)));
        await reader.close()
        const rows = database.prepare('select * from customers').all()
        expect([...copy.values()].toSorted(byId)).toEqual(rows.map((row) => ({ ...row })).toSorted(byId))
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    [{ table: 'custmers' }, 'sqlite .*: table: expected one of: customers, got custmers'],
    [{ key: 'nr' }, 'sqlite source: key: expected one of: id, name, version, got nr'],
    [{ updated: 'changed' }, 'sqlite source: updated: expected one of: id, name, version, got changed'],
  ])('refuses %j with what there is', async (extra, message) => {
    await expect(source(extra).open(undefined)).rejects.toThrow(new RegExp(message))
  })

  it('refuses a missing file', async () => {
    const missing = sqliteSource({ file: join(folder, 'no.db'), table: 'a', key: 'b' })
    await expect(missing.open(undefined)).rejects.toMatchObject({ code: 'SLUICE_SOURCE_FAILED' })
  })

  it('refuses to go on by another column than the position was made with', async () => {
    database.exec("insert into customers values (1, 'Ada', 1)")
    const reader = await source().open(undefined)
    const { position } = await reader.poll(1)
    await reader.close()
    const other = source({ updated: undefined })
    await expect(other.open(position)).rejects.toThrow('expected "version"')
  })

  it('refuses an unknown option with the nearest one', () => {
    expect(() => source({ tabel: 'customers' })).toThrow('did you mean "table"?')
  })
})

function byId(a: unknown, b: unknown): number {
  return (a as { id: number }).id - (b as { id: number }).id
}
