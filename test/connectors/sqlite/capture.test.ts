/** A table captured into a compacted topic of a folder: whatever crashes in between, the topic ends as the table. */
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startSource } from '../../../src/connect/index.ts'
import type { SourceTask } from '../../../src/connect/index.ts'
import { sqliteSource } from '../../../src/connectors/sqlite/index.ts'
import type { Broker } from '../../../src/core/broker.ts'
import { SILENT } from '../../../src/core/log.ts'
import { systemClock } from '../../../src/platform/clock.ts'
import { connect, openCluster, visible } from '../../connect/embedded.ts'

let folder: string
let database: DatabaseSync

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-capture-'))
  database = new DatabaseSync(join(folder, 'shop.db'))
  database.exec('create table customers (id integer primary key, name text, version integer)')
})
afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true, force: true })
})

function capture(broker: Broker): Promise<SourceTask> {
  const source = sqliteSource({
    file: join(folder, 'shop.db'),
    table: 'customers',
    key: 'id',
    updated: 'version',
  })
  const options = { name: 'shop', source, partitions: 2, batchRecords: 7, pollIntervalMs: 5 }
  return startSource(options, { broker, clock: systemClock, log: SILENT })
}

describe('a captured table', () => {
  it('reaches the topic exactly once over restarts without goodbye, updates included', async () => {
    const write = database.prepare('insert or replace into customers values (?, ?, ?)')
    let version = 0
    for (let round = 0; round < 4; round++) {
      for (let at = 0; at < 20; at++) write.run((round * 7 + at) % 30, `v${version}`, ++version)
      const cluster = await openCluster(join(folder, 'broker'))
      const task = await capture(connect(cluster))
      // Odd rounds: the broker goes away in the middle, as it does when the process dies.
      if (round % 2 === 0) await task.reachedEnd
      await cluster.close()
      await task.close()
    }
    const cluster = await openCluster(join(folder, 'broker'))
    const broker = connect(cluster)
    const task = await capture(broker)
    await task.reachedEnd
    await task.close()
    const records = await visible(broker, 'customers')
    expect(new Set(records.map(({ value }) => value)).size).toBe(records.length)
    const last = new Map(records.map(({ key, value }) => [key, JSON.parse(value!) as { id: number }]))
    const rows = database.prepare('select * from customers order by id').all()
    expect([...last.values()].toSorted((a, b) => a.id - b.id)).toEqual(rows.map((row) => ({ ...row })))
    const [topic] = await broker.admin.describeTopics(['customers'])
    expect(topic).toMatchObject({ partitions: 2, config: { 'cleanup.policy': 'compact' } })
    await cluster.close()
  })
})
