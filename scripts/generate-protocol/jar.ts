/** Reads text files out of a jar (a zip), by its central directory; only what jars use: stored or deflated, no zip64. */
import { readFileSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'

const END_RECORD = 0x06054b50
const END_RECORD_BYTES = 22
const ENTRY = 0x02014b50
const ENTRY_BYTES = 46
const LOCAL_HEADER_BYTES = 30
const DEFLATED = 8

/** The files of a jar whose path starts with `folder`, by their name below it. */
export function readJar(path: string, folder: string): ReadonlyMap<string, string> {
  const zip = readFileSync(path)
  const files = new Map<string, string>()
  let at = zip.readUInt32LE(endRecord(zip, path) + 16)
  while (zip.readUInt32LE(at) === ENTRY) {
    const nameEnd = at + ENTRY_BYTES + zip.readUInt16LE(at + 28)
    const name = zip.toString('utf8', at + ENTRY_BYTES, nameEnd)
    if (name.startsWith(folder) && !name.endsWith('/')) files.set(name.slice(folder.length), content(zip, at))
    at = nameEnd + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return files
}

function endRecord(zip: Buffer, path: string): number {
  for (let at = zip.length - END_RECORD_BYTES; at >= 0; at--)
    if (zip.readUInt32LE(at) === END_RECORD) return at
  throw new Error(`${path} is no zip`)
}

function content(zip: Buffer, entry: number): string {
  const size = zip.readUInt32LE(entry + 20)
  const local = zip.readUInt32LE(entry + 42)
  const start = local + LOCAL_HEADER_BYTES + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
  const bytes = zip.subarray(start, start + size)
  return (zip.readUInt16LE(entry + 10) === DEFLATED ? inflateRawSync(bytes) : bytes).toString('utf8')
}
