/**
 * A table of a SQLite file as a source that polls: inserted and updated rows become upserts of a compacted topic. It reads
 * the file read-only. Deleted rows cannot be seen by polling: mark rows as deleted in a column instead.
 */
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { customField, defineConfig, optional, textField } from '../../core/config.ts'
import type { ConfigSpec, Field } from '../../core/config.ts'
import { problemOf, sluiceError } from '../../core/errors.ts'
import type { RecordSource, SourceBatch, SourceReader, SourceRecord } from '../../core/source.ts'
import { fromText, toText } from './position.ts'
import type { Position } from './position.ts'
import { jsonOf, keyText } from './row.ts'
import type { Row } from './row.ts'

export interface SqliteSourceOptions {
  /** Path of the database file. */
  readonly file: string
  readonly table: string
  /** Column that identifies a row; its text is the key of the record. */
  readonly key: string
  /**
   * Column that grows with every write of a row: a version number or a time set by a trigger. Rows that share a value must be
   * written in one transaction, else the later ones are not seen. Absent: only inserted rows are seen, by rowid.
   */
  readonly updated?: string
  /** Column with the event time, ms since 1970 or ISO 8601 text. Absent: the time of reading. */
  readonly timestamp?: string
  /** Default: the name of the table. */
  readonly topic?: string
}

type SqliteFields = {
  readonly file: Field<string>
  readonly table: Field<string>
  readonly key: Field<string>
  readonly updated: Field<string | undefined>
  readonly timestamp: Field<string | undefined>
  readonly topic: Field<string | undefined>
}

export const sqliteSourceSpec: ConfigSpec<SqliteFields> = defineConfig({
  file: customField<string>('path of a file', { doc: 'Path of the database file.' }, (came) =>
    typeof came === 'string' && came !== '' && came !== ':memory:' ? came : undefined,
  ),
  table: textField({ doc: 'The table.' }),
  key: textField({ doc: 'Column that identifies a row; its text is the key of the record.' }),
  updated: optional(
    textField({ doc: 'Column that grows with every write; default: inserts only, by rowid.' }),
  ),
  timestamp: optional(textField({ doc: 'Column with the event time; default: the time of reading.' })),
  topic: optional(textField({ doc: 'Default: the name of the table.' })),
})

/**
 * Captures a table: key = text of the key column, value = the row as JSON. Integers beyond 2^53 keep all their digits, blobs
 * become base64 text.
 * @example
 * import { sqliteSource } from 'sluice/embed'
 *
 * const customers = sqliteSource({ file: 'shop.db', table: 'customers', key: 'id', updated: 'version' })
 * @throws SLUICE_CONFIG_INVALID, SLUICE_CONFIG_UNKNOWN
 */
export function sqliteSource(options: SqliteSourceOptions): RecordSource {
  const place = 'sqlite source'
  const table = sqliteSourceSpec.parse(options, place)
  const label = `sqlite ${table.file}: ${table.table}`
  const topic = table.topic ?? table.table
  return {
    label,
    topics: [{ name: topic, compacted: true }],
    async open(text) {
      const position = text === undefined ? undefined : fromText(text, label, table.updated)
      const database = openFile(table.file, label)
      try {
        const names = columnsOf(database, table.table, label)
        for (const option of ['key', 'updated', 'timestamp'] as const) {
          checkColumn(table[option], names, `${place}: ${option}`)
        }
        return new TableReader(database, { ...table, label, topic, position })
      } catch (error) {
        database.close()
        throw error
      }
    },
  }
}

interface ReaderParts {
  readonly label: string
  readonly topic: string
  readonly table: string
  readonly key: string
  readonly updated: string | undefined
  readonly timestamp: string | undefined
  readonly position: Position | undefined
}

/** Names under which order and tie-breaker are selected beside the row; a table has no such columns. */
const ORDER = 'sluice order'
const TIE = 'sluice tie'

class TableReader implements SourceReader {
  readonly #database: DatabaseSync
  readonly #parts: ReaderParts
  readonly #first: StatementSync
  readonly #next: StatementSync
  #position: Position | undefined

  constructor(database: DatabaseSync, parts: ReaderParts) {
    this.#database = database
    this.#parts = parts
    this.#position = parts.position
    const order = parts.updated === undefined ? 'rowid' : quote(parts.updated)
    const tie = quote(parts.key)
    const rows = `select ${order} as "${ORDER}", ${tie} as "${TIE}", * from ${quote(parts.table)}`
    const sorted = `order by ${order}, ${tie} limit ?`
    this.#first = database.prepare(`${rows} where ${order} is not null ${sorted}`)
    this.#next = database.prepare(`${rows} where (${order}, ${tie}) > (?, ?) ${sorted}`)
    this.#first.setReadBigInts(true)
    this.#next.setReadBigInts(true)
  }

  poll(limit: number): Promise<SourceBatch> {
    const rows = this.#read(limit)
    const last = rows.at(-1)
    if (last !== undefined) {
      this.#position = { by: this.#parts.updated ?? 'rowid', order: last[ORDER]!, tie: last[TIE]! }
    }
    return Promise.resolve({
      records: rows.map((row) => this.#record(row)),
      position: this.#position === undefined ? '' : toText(this.#position),
      atEnd: rows.length < limit,
    })
  }

  close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close()
    return Promise.resolve()
  }

  #read(limit: number): readonly Row[] {
    const at = this.#position
    try {
      return at === undefined ? this.#first.all(limit) : this.#next.all(at.order, at.tie, limit)
    } catch (error) {
      throw failed(this.#parts.label, error)
    }
  }

  #record(row: Row): SourceRecord {
    const { key, timestamp, label, topic } = this.#parts
    const { [ORDER]: _order, [TIE]: tie, ...columns } = row
    const record = { topic, key: keyText(tie, `${label}, column ${key}`), value: jsonOf(columns) }
    return timestamp === undefined ? record : { ...record, timestamp: eventTime(row[timestamp], label) }
  }
}

function eventTime(came: unknown, label: string): number {
  const time = typeof came === 'string' ? Date.parse(came) : Number(came)
  if (came !== null && Number.isFinite(time)) return Math.trunc(time)
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: `${label}: timestamp`,
    expected: 'a column of ms since 1970 or ISO 8601 text',
    came: String(came),
  })
}

function openFile(file: string, label: string): DatabaseSync {
  try {
    // Five seconds is how long a writer in another process may hold the file before a poll is given up and repeated.
    return new DatabaseSync(file, { readOnly: true, timeout: 5000 })
  } catch (error) {
    throw failed(label, error)
  }
}

function columnsOf(database: DatabaseSync, table: string, label: string): readonly string[] {
  const names = database.prepare('select name from pragma_table_info(?)').all(table).map(nameOf)
  if (names.length > 0) return names
  const tables = database.prepare("select name from sqlite_schema where type in ('table', 'view')").all()
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: `${label}: table`,
    expected: `one of: ${tables.map(nameOf).join(', ') || '(the file has no tables)'}`,
    came: table,
  })
}

function checkColumn(column: string | undefined, names: readonly string[], place: string): void {
  if (column === undefined || names.includes(column)) return
  throw sluiceError('SLUICE_CONFIG_INVALID', { place, expected: `one of: ${names.join(', ')}`, came: column })
}

function nameOf(row: Readonly<Record<string, unknown>>): string {
  return String(row['name'])
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function failed(source: string, error: unknown): Error {
  return sluiceError('SLUICE_SOURCE_FAILED', { source, problem: problemOf(error) }, error)
}
