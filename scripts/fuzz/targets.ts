/** What is fuzzed: how to make a damaged input of each kind, and whether it was read or refused in the way it must be. */
import { Frames } from '../../src/brokers/kafka/network/frames.ts'
import { Malformed } from '../../src/brokers/kafka/protocol/malformed.ts'
import { Reader } from '../../src/brokers/kafka/protocol/reader.ts'
import { compressBatch } from '../../src/brokers/record-batch/compress.ts'
import { indexBatches } from '../../src/brokers/record-batch/reader.ts'
import { BatchWriter } from '../../src/brokers/record-batch/writer.ts'
import { isSluiceError } from '../../src/core/errors.ts'
import type { Random } from '../../src/core/random.ts'
import { hurt } from '../../test/brokers/kafka/vectors/hurt.ts'
import { loadCodecs, vectors } from '../../test/brokers/kafka/vectors/vectors.ts'
import type { Vector } from '../../test/brokers/kafka/vectors/vectors.ts'

export interface Target {
  readonly name: string
  damaged(random: Random): Damaged
  /** False: refused as it should be. @throws anything that must not happen */
  isRead(input: Damaged, random: Random): boolean
}

export interface Damaged {
  readonly bytes: Buffer
  /** What it was before. */
  readonly from?: Vector
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random.next() * list.length)]!
}

/** Messages of every API and version. */
export async function messageTarget(): Promise<Target> {
  const codecs = await loadCodecs()
  return {
    name: 'messages',
    damaged(random) {
      const from = pick(vectors, random)
      return { bytes: hurt(from.bytes, random), from }
    },
    isRead: ({ bytes, from }) =>
      unlessRefused(() => codecs.get(from!.name)!.read(new Reader(bytes), from!.version), isMalformed),
  }
}

/** A few frames behind one another, cut into pieces as a network does. */
export function frameTarget(): Target {
  return {
    name: 'frames',
    damaged(random) {
      const frames = Array.from({ length: 3 }, () => pick(vectors, random).bytes)
      const stream = Buffer.concat(frames.flatMap((frame) => [sizeOf(frame), frame]))
      return { bytes: hurt(stream, random) }
    },
    isRead: ({ bytes }, random) => unlessRefused(() => feed(bytes, random), isMalformed),
  }
}

function sizeOf(frame: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(frame.length)
  return size
}

function feed(bytes: Buffer, random: Random): void {
  const frames = new Frames((frame) => new Reader(frame).int32())
  for (let at = 0; at < bytes.length;) {
    const piece = Math.min(frames.target().length, 1 + Math.floor(random.next() * 2000))
    const count = bytes.copy(frames.target(), 0, at, at + piece)
    frames.received(count)
    at += count
  }
}

/** Record batches as a fetch brings them, with a checksum that is right (as a broken writer makes) or wrong. */
export function batchTarget(): Target {
  const plain = [1, 3, 40].map((records) => {
    const writer = new BatchWriter()
    for (let at = 0; at < records; at++) {
      writer.append(`key-${at}`, at % 5 === 0 ? null : 'value '.repeat(at), 1000 + at, [
        { key: 'h', value: null },
      ])
    }
    return Buffer.from(writer.finish())
  })
  const batches = (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const).flatMap((codec) =>
    plain.map((batch) => compressBatch(batch, codec)),
  )
  return {
    name: 'record batches',
    damaged: (random) => ({
      bytes: hurt(Buffer.concat([pick(batches, random), pick(batches, random)]), random),
    }),
    isRead: ({ bytes }, random) =>
      unlessRefused(
        () => readAll(bytes, random.next() < 0.3),
        (error) => isSluiceError(error, 'SLUICE_CORRUPT_BATCH'),
      ),
  }
}

function readAll(bytes: Buffer, checkCrc: boolean): void {
  const batch = indexBatches([bytes], { topic: 't', partition: 0, from: 0, endOffset: 10, checkCrc })
  for (let index = 0; index < batch.count; index++) {
    batch.offsetAt(index)
    batch.timestampAt(index)
    batch.keyAt(index)
    batch.valueAt(index)
    batch.headersAt(index)
  }
}

const isMalformed = (error: unknown): boolean => error instanceof Malformed

function unlessRefused(run: () => void, refused: (error: unknown) => boolean): boolean {
  try {
    run()
    return true
  } catch (error) {
    if (refused(error)) return false
    throw error
  }
}
