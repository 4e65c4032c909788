/**
 * A file of JSON lines as a source: each line `{"key": …, "value": …, "timestamp": ms}` is one record; lines appended later
 * are read too. The position is a byte offset, so the file may grow but must not change before it.
 */
import { sluiceError } from '../../core/errors.ts'
import type { Bytes, Encoded } from '../../core/record.ts'
import type { RecordSource, SourceBatch, SourceReader, SourceRecord } from '../../core/source.ts'

/** The file as the source needs it; `platform/input-file` opens real ones. */
export interface LinesFile {
  /** Up to `length` bytes from `position`; shorter, possibly empty, at its present end. */
  read(position: number, length: number): Promise<Bytes>
  close(): Promise<void>
}

/** Undefined when there is no such file. */
export type OpenLinesFile = (path: string) => Promise<LinesFile | undefined>

export interface JsonLinesOptions {
  readonly file: string
  readonly topic: string
  /** Turns a value of JSON into the bytes of a key or value; default: text as it is, everything else as JSON. */
  readonly encode?: (side: 'key' | 'value', json: unknown) => Encoded
}

const CHUNK_BYTES = 1 << 18
const LINE_FEED = 10

/**
 * Reads `file` into `topic`. A last line without a line feed waits until it is complete.
 * @throws SLUICE_SOURCE_INPUT with file and line when polled, for a line that is not such an object
 */
export function jsonLinesSource(options: JsonLinesOptions, openFile: OpenLinesFile): RecordSource {
  const { file: path, topic } = options
  return {
    label: path,
    topics: [{ name: topic, compacted: false }],
    async open(text) {
      const position = text === undefined ? { byte: 0, line: 1 } : (JSON.parse(text) as Position)
      const opened = await openFile(path)
      if (opened === undefined) {
        throw sluiceError('SLUICE_CONFIG_INVALID', {
          place: `input of topic ${topic}`,
          expected: 'an existing file',
          came: path,
        })
      }
      return new LinesReader(opened, options, position)
    },
  }
}

interface Position {
  readonly byte: number
  /** Number of the line that starts there, for messages. */
  readonly line: number
}

class LinesReader implements SourceReader {
  readonly #file: LinesFile
  readonly #options: JsonLinesOptions
  readonly #encode: NonNullable<JsonLinesOptions['encode']>
  #position: Position
  #chunk = Buffer.alloc(0)

  constructor(file: LinesFile, options: JsonLinesOptions, position: Position) {
    this.#file = file
    this.#options = options
    this.#encode = options.encode ?? plain
    this.#position = position
  }

  async poll(limit: number): Promise<SourceBatch> {
    const records: SourceRecord[] = []
    let { byte, line } = this.#position
    let atEnd = false
    while (records.length < limit) {
      const end = this.#chunk.indexOf(LINE_FEED)
      if (end < 0) {
        if (await this.#readOn(byte)) continue
        atEnd = true
        break
      }
      const text = this.#chunk.toString('utf8', 0, end).trim()
      try {
        if (text !== '') records.push(this.#record(text, line))
      } catch (error) {
        if (records.length === 0) throw error
        // The good lines before it go out first; the next poll meets the bad one again.
        break
      }
      this.#chunk = this.#chunk.subarray(end + 1)
      byte += end + 1
      line++
    }
    this.#position = { byte, line }
    return { records, position: JSON.stringify(this.#position), atEnd }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** Appends what follows the chunk, which starts at `byte`; false at the end of the file. */
  async #readOn(byte: number): Promise<boolean> {
    const more = await this.#file.read(byte + this.#chunk.length, CHUNK_BYTES)
    if (more.length === 0) return false
    this.#chunk = Buffer.concat([this.#chunk, more])
    return true
  }

  #record(text: string, line: number): SourceRecord {
    const came = parseLine(text)
    if (came === undefined) throw this.#refused(line, text)
    const { key = null, value = null, timestamp } = came
    const record = {
      topic: this.#options.topic,
      key: key === null ? null : this.#side('key', key, line),
      value: value === null ? null : this.#side('value', value, line),
    }
    if (timestamp === undefined) return record
    const time = typeof timestamp === 'string' ? Date.parse(timestamp) : timestamp
    if (typeof time !== 'number' || !Number.isSafeInteger(time)) throw this.#refused(line, text)
    return { ...record, timestamp: time }
  }

  #side(side: 'key' | 'value', json: unknown, line: number): Encoded {
    try {
      return this.#encode(side, json)
    } catch (error) {
      throw sluiceError(
        'SLUICE_SOURCE_INPUT',
        {
          file: this.#options.file,
          line,
          expected: `a ${side} that the topic ${this.#options.topic} can hold`,
          came: `${JSON.stringify(json)} (${String(error)})`,
        },
        error,
      )
    }
  }

  #refused(line: number, text: string): Error {
    return sluiceError('SLUICE_SOURCE_INPUT', {
      file: this.#options.file,
      line,
      expected: 'a JSON object {"key": …, "value": …, "timestamp": ms since 1970 or ISO 8601 (optional)}',
      came: text.length > 120 ? `${text.slice(0, 120)}…` : text,
    })
  }
}

interface Line {
  readonly key?: unknown
  readonly value?: unknown
  readonly timestamp?: unknown
}

/** An object with a value (or a key alone, which deletes); undefined for anything else. */
function parseLine(text: string): Line | undefined {
  try {
    const came: unknown = JSON.parse(text)
    if (typeof came !== 'object' || came === null || Array.isArray(came)) return undefined
    return 'value' in came || 'key' in came ? came : undefined
  } catch {
    return undefined
  }
}

function plain(_side: string, json: unknown): Encoded {
  return typeof json === 'string' ? json : JSON.stringify(json)
}
