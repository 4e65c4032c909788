/**
 * The demo's data: real flights of the first quarter of 2001 and the airports of the United States, from the npm package
 * vega-datasets. Airports are put into a SQLite table, as the system of record that an airline would have.
 */
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { RecordSource } from 'sluice/embed'
import type { Flight } from './app.ts'
import { flights as flightsTopic } from './app.ts'

const folder = new URL('../../node_modules/vega-datasets/data/', import.meta.url)

interface Row {
  readonly date: string
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

/** 20,000 flights (or the first `limit`) in the order of their departure. */
export function readFlights(limit = Number.MAX_SAFE_INTEGER): readonly Flight[] {
  const rows = JSON.parse(readFileSync(new URL('flights-20k.json', folder), 'utf8')) as readonly Row[]
  return rows.slice(0, limit).map((row, at) => ({
    id: `F${String(at + 1).padStart(5, '0')}`,
    departs: `${row.date.replaceAll('/', '-').replace(' ', 'T')}:00Z`,
    origin: row.origin,
    destination: row.destination,
    delay: row.delay,
    distance: row.distance,
  }))
}

/**
 * Makes the table `airports` in a SQLite file, unless it is there. A trigger numbers every write, which is what a poller
 * needs to find what changed.
 */
export function fillAirports(file: string): void {
  const database = new DatabaseSync(file)
  try {
    if (database.prepare("select 1 from sqlite_schema where name = 'airports'").get() !== undefined) return
    database.exec(`
      begin;
      create table airports (iata text primary key, name text, city text, state text, version integer);
      create trigger airports_inserted after insert on airports begin
        update airports set version = (select coalesce(max(version), 0) + 1 from airports) where iata = new.iata;
      end;
      create trigger airports_updated after update of name, city, state on airports begin
        update airports set version = (select max(version) + 1 from airports) where iata = new.iata;
      end;
      create index airports_version on airports (version);`)
    const insert = database.prepare('insert into airports (iata, name, city, state) values (?, ?, ?, ?)')
    const [, ...lines] = readFileSync(new URL('airports.csv', folder), 'utf8').trim().split('\n')
    for (const line of lines) {
      const [iata = '', name = '', city = '', state = ''] = splitCsv(line)
      insert.run(iata, name, city, state)
    }
    database.exec('commit')
  } finally {
    database.close()
  }
}

/** Fields of a line of CSV; quoted ones may hold commas. */
function splitCsv(line: string): readonly string[] {
  return Array.from(line.trim().matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
  )
}

/**
 * Flights as a source that replays them: each one comes when its departure is due in a time that runs `speed` times as fast as
 * ours. The position is the number of flights handed out, so a restart goes on with the next one.
 */
export function replayFlights(all: readonly Flight[], speed: number): RecordSource {
  return {
    label: 'flights-20k.json',
    topics: [{ name: flightsTopic.name, compacted: false }],
    open(position) {
      let next = Number(position ?? 0)
      const began = performance.now()
      const departure = Date.parse(all[next]?.departs ?? all.at(-1)!.departs)
      return Promise.resolve({
        poll(limit) {
          const due = departure + (performance.now() - began) * speed
          const batch = []
          while (next < all.length && batch.length < limit && Date.parse(all[next]!.departs) <= due) {
            batch.push(all[next++]!)
          }
          const records = batch.map((flight) => ({
            topic: flightsTopic.name,
            key: flight.id,
            value: JSON.stringify(flight),
            timestamp: Date.parse(flight.departs),
          }))
          return Promise.resolve({ records, position: String(next), atEnd: next === all.length })
        },
        close: () => Promise.resolve(),
      })
    },
  }
}
