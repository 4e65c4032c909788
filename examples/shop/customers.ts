/**
 * The customers of the shop: a SQLite table of 20, as the shop's own software would have it. Triggers number every write, which is
 * what a poller needs, and keep each version, which is what the check at the end needs.
 */
import { DatabaseSync } from 'node:sqlite'

const PLATINUM = [2, 4, 5, 6, 13]

/** First name, last name, gender; the id is the place in the list. */
const PEOPLE =
  `Rica Blaisdell f,Olu Adeyemi m,Mette Kjær f,Tomás Ibarra m,Yuki Hoshino f,Piet van Loon m,Ana Moldovan f,
Kwame Boateng m,Lena Vogt f,Idris Haddad m,Sofia Lindqvist f,Marek Dvořák m,Chiara Ferri f,Joon Park m,Aoife Brennan f,
Bram Peeters m,Nadia Rahman f,Luca Moretti m,Eszter Nagy f,Hugo Tremblay m`.split(/,\s*/)

const TABLES = `
  begin;
  create table customers (id integer primary key, first_name text, last_name text, email text, gender text, club_status text,
    comments text, create_ts text, update_ts text, version integer);
  create table versions (version integer primary key, id integer, name text, email text, club_status text);
  create trigger customers_inserted after insert on customers begin
    update customers set version = (select coalesce(max(version), 0) + 1 from versions) where id = new.id;
  end;
  create trigger customers_updated after update of first_name, last_name, email, club_status on customers begin
    update customers set version = (select max(version) + 1 from versions) where id = new.id;
  end;
  create trigger customers_numbered after update of version on customers begin
    insert into versions values (new.version, new.id, new.first_name || ' ' || new.last_name, new.email, new.club_status);
  end;`

/** Makes the table with its 20 customers, unless it is there. */
export function fillCustomers(file: string): void {
  const database = new DatabaseSync(file)
  try {
    if (database.prepare("select 1 from sqlite_schema where name = 'customers'").get() !== undefined) return
    database.exec(TABLES)
    const insert = database.prepare(
      `insert into customers (first_name, last_name, gender, email, club_status, comments, create_ts, update_ts)
       values (?, ?, ?, ?, ?, '', datetime(), datetime())`,
    )
    for (const [at, person] of PEOPLE.entries()) {
      const [, first = '', last = '', gender = ''] = /^(\S+) (.+) (\w)$/.exec(person) ?? []
      insert.run(first, last, gender, `customer${at + 1}@example.com`, statusOf(at + 1))
    }
    database.exec('commit')
  } finally {
    database.close()
  }
}

function statusOf(id: number): string {
  if (PLATINUM.includes(id)) return 'platinum'
  return id % 3 === 0 ? 'gold' : id % 3 === 1 ? 'bronze' : 'silver'
}

/** Makes the first customer who is not platinum so, and tells the name; undefined when all are. */
export function upgradeOne(file: string): string | undefined {
  const database = new DatabaseSync(file, { timeout: 5000 })
  try {
    const next = database
      .prepare("select id, first_name, last_name from customers where club_status <> 'platinum' order by id")
      .get()
    if (next === undefined) return undefined
    database
      .prepare("update customers set club_status = 'platinum', update_ts = datetime() where id = ?")
      .run(next['id']!)
    return `${String(next['first_name'])} ${String(next['last_name'])}`
  } finally {
    database.close()
  }
}

/** A row as it was after some write. */
export interface CustomerVersion {
  readonly version: number
  readonly id: number
  readonly name: string
  readonly email: string
  readonly club_status: string
}

/** Every version there has ever been, by its number. */
export function customerVersions(file: string): ReadonlyMap<number, CustomerVersion> {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const rows = database.prepare('select * from versions').all() as unknown as readonly CustomerVersion[]
    return new Map(rows.map((row) => [row.version, { ...row }]))
  } finally {
    database.close()
  }
}
