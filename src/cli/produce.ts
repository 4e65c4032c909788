/** Command `sluice produce`: records from a file, from stdin or from the command line into a topic of a folder. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import type { Broker, Producer, ProduceTarget, SendBuffer, TopicDescription } from '../core/broker.ts'
import { sleep } from '../core/clock.ts'
import { problemOf, sluiceError } from '../core/errors.ts'
import { partitionOf } from '../core/partitioner.ts'
import { systemClock } from '../platform/clock.ts'
import { rate, wholeNumber } from './arguments.ts'
import { jsonLine } from './columns.ts'
import type { PlaceFlags } from './folder-broker.ts'
import { addPlaceFlags, describeTopic, withBroker } from './folder-broker.ts'
import { formatOptions, serdeOf } from './formats.ts'
import type { Format } from './formats.ts'
import { lineReader } from './record-lines.ts'
import type { LineRecord } from './record-lines.ts'
import { stopSignal } from './signals.ts'

interface ProduceOptions extends PlaceFlags {
  readonly key?: string
  readonly value?: string
  readonly partition?: number
  readonly values: boolean
  readonly rate?: number
  readonly keyFormat: Format
  readonly valueFormat: Format
  readonly json: boolean
}

/** The command with its options. */
export function produceCommand(): Command {
  const command = new Command('produce')
    .description(
      'Write records into a topic of a folder or of Kafka, from JSON lines {"key", "value", "timestamp"?, "headers"?}.',
    )
    .argument('<topic>', 'an existing topic')
    .argument('[file]', 'JSON lines; - or nothing reads stdin', '-')
  addPlaceFlags(command)
    .option('--value <json>', 'write this one value instead of reading lines')
    .option('--key <key>', 'key of records that bring none')
    .option('--partition <number>', 'write to this partition (default: by the key)', wholeNumber(0, 9_999))
    .option('--values', 'each line is a value, not an object with key and value', false)
    .option('--rate <records>', 'no more than so many a second: 100, 100/s, 30/m', rate)
  for (const option of formatOptions()) command.addOption(option)
  return command
    .option('--json', 'for programs: what was written as JSON on stdout', false)
    .addHelpText(
      'after',
      `\nExamples:\n  sluice produce orders orders.jsonl --folder data --rate 100\n  sluice produce orders --folder data --key o1 --value '{"total":12}'`,
    )
    .action((topic: string, file: string, options: ProduceOptions) =>
      withBroker(options, (broker) => produce(broker, topic, file, options)),
    )
}

async function produce(broker: Broker, name: string, file: string, options: ProduceOptions): Promise<void> {
  const topic = await describeTopic(broker, name)
  const { partition } = options
  if (partition !== undefined) checkPartition(topic, partition)
  const stop = stopSignal()
  const writer = new Writer(broker.producer({}), topic, partition)
  const read = lineReader({
    file: options.value === undefined ? (file === '-' ? 'stdin' : file) : '--value',
    key: serdeOf(options.keyFormat),
    value: serdeOf(options.valueFormat),
    valuesOnly: options.values || options.value !== undefined,
    ...(options.key === undefined ? {} : { defaultKey: options.key }),
  })
  let line = 0
  try {
    for await (const text of options.value === undefined ? linesOf(file, stop) : [options.value]) {
      line++
      if (stop.aborted) break
      if (text.trim() !== '') writer.add(read(text, line))
      await writer.pace(options.rate, stop)
    }
  } finally {
    // Also after a bad line: everything before it is written, as the message says.
    await writer.close()
    report(options, name, writer.written)
  }
}

function report({ json, folder, broker }: ProduceOptions, topic: string, records: number): void {
  if (json) process.stdout.write(jsonLine({ event: 'produced', topic, records }))
  else process.stderr.write(`${records} record(s) written to ${topic} in ${broker ?? folder}\n`)
}

async function* linesOf(file: string, stop: AbortSignal): AsyncGenerator<string> {
  if (file === '-' && process.stdin.isTTY) process.stderr.write('one record a line; Ctrl-D ends\n')
  const input = file === '-' ? process.stdin : createReadStream(file)
  const failed = new Promise<never>((_, reject) => input.once('error', reject))
  failed.catch(() => {})
  const lines = createInterface({ input, crlfDelay: Infinity })
  stop.addEventListener('abort', () => lines.close(), { once: true })
  const each = lines[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await Promise.race([each.next(), failed])
      if (next.done === true) return
      yield next.value
    }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT')
      throw sluiceError('SLUICE_CONFIG_INVALID', {
        place: 'sluice produce',
        expected: 'an existing file',
        came: file,
      })
    throw sluiceError(
      'SLUICE_DISK',
      { path: file, operation: 'read', code, problem: problemOf(error) },
      error,
    )
  } finally {
    lines.close()
  }
}

/** @throws SLUICE_TOPIC_MISSING */
function checkPartition({ name, partitions }: TopicDescription, partition: number): void {
  if (partition < partitions) return
  const place = `: partition ${partition} (it has ${partitions}, from 0)`
  throw sluiceError('SLUICE_TOPIC_MISSING', { topic: name, place, existing: name })
}

const BATCH_RECORDS = 500
const BATCH_BYTES = 256 << 10

/** Batches records and keeps to a rate. */
class Writer {
  written = 0
  readonly #producer: Producer
  readonly #topic: TopicDescription
  readonly #fixed: number | undefined
  readonly #targets: readonly ProduceTarget[]
  readonly #began = systemClock.monotonic()
  #buffer: SendBuffer
  #roundRobin = 0

  constructor(producer: Producer, topic: TopicDescription, fixed: number | undefined) {
    this.#producer = producer
    this.#topic = topic
    this.#fixed = fixed
    this.#targets = Array.from({ length: topic.partitions }, (_, at) => producer.target(topic.name, at))
    this.#buffer = producer.buffer()
  }

  /** @throws SLUICE_RECORD_TOO_LARGE, SLUICE_TOPIC_MISSING for a partition that is not there */
  add({ key, value, timestamp, partition, headers }: LineRecord): void {
    if (partition !== undefined) checkPartition(this.#topic, partition)
    const at = partition ?? this.#fixed ?? this.#choose(key)
    this.#buffer.append(this.#targets[at]!, key, value, timestamp ?? systemClock.now(), headers)
  }

  /** Sends what is due and waits where the rate asks for it. */
  async pace(perSecond: number | undefined, stop: AbortSignal): Promise<void> {
    if (this.#buffer.records >= BATCH_RECORDS || this.#buffer.bytes >= BATCH_BYTES) await this.#send()
    if (perSecond === undefined) return
    const due = this.#began + ((this.written + this.#buffer.records) * 1000) / perSecond
    const wait = due - systemClock.monotonic()
    if (wait < 1) return
    // A record that waits in here is a record nobody can see yet.
    await this.#send()
    await sleep(systemClock, wait, stop)
  }

  async close(): Promise<void> {
    await this.#send()
    await this.#producer.close()
  }

  #choose(key: Uint8Array | null): number {
    const count = this.#targets.length
    return key === null ? this.#roundRobin++ % count : partitionOf(key, count)
  }

  async #send(): Promise<void> {
    const { records } = this.#buffer
    if (records === 0) return
    await this.#producer.send(this.#buffer)
    this.written += records
    this.#buffer = this.#producer.buffer()
  }
}
