/** Command `sluice consume`: the committed records of a topic, for people or as JSON lines. It joins no group. */
import { Command } from 'commander'
import type { Broker, TopicDescription } from '../core/broker.ts'
import type { Headers } from '../core/record.ts'
import { time, wholeNumber } from './arguments.ts'
import { parseFilter } from './filter.ts'
import type { Filter } from './filter.ts'
import type { PlaceFlags } from './folder-broker.ts'
import { addPlaceFlags, describeTopic, withBroker } from './folder-broker.ts'
import { follow } from './follow.ts'
import { EXACT_JSON, formatOptions, serdeOf } from './formats.ts'
import type { Format } from './formats.ts'
import { servedRecords } from './running-app.ts'
import { stopSignal } from './signals.ts'
import { lenient } from './topics.ts'

interface ConsumeOptions extends PlaceFlags {
  readonly url?: string
  readonly fromBeginning: boolean
  readonly at?: number
  readonly follow: boolean
  readonly filter?: Filter
  readonly limit?: number
  readonly partition?: number
  readonly keyFormat: Format
  readonly valueFormat: Format
  readonly json: boolean
}

/** The command with its options. */
export function consumeCommand(): Command {
  const command = new Command('consume')
    .description('Print the records of a topic and stop at its present end.')
    .argument('<topic>', 'an existing topic')
  addPlaceFlags(command)
    .option(
      '--url <address>',
      'follow a topic of a running application instead, for instance http://127.0.0.1:8080',
    )
    .option('--from-beginning', 'start at the first record (the default without --follow)', false)
    .option(
      '--at <time>',
      'start at this time: ISO 8601, ms since 1970, or a duration ago such as 10m',
      (given) => time(given),
    )
    .option('--follow', 'wait for more; starts at the end unless told where', false)
    .option(
      '--filter <expression>',
      'only records that fit, for instance \'value.total > 100 && key != "o1"\'',
      (given) => parseFilter(given),
    )
    .option('--limit <records>', 'stop after so many', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('--partition <number>', 'of this partition only', wholeNumber(0, 9_999))
  for (const option of formatOptions()) command.addOption(option)
  return command
    .option('--json', 'one JSON object a record, headers included', false)
    .addHelpText(
      'after',
      `\nExamples:\n  sluice consume orders --folder data --filter 'value.total >= 100' --limit 10\n  sluice consume orders --folder data --at 10m --json`,
    )
    .action((topic: string, options: ConsumeOptions) =>
      options.url === undefined
        ? withBroker(options, (broker) => consume(broker, topic, options))
        : consumeServed(options.url, topic, options),
    )
}

async function consume(broker: Broker, name: string, options: ConsumeOptions): Promise<void> {
  const topic = await describeTopic(broker, name)
  const stop = stopSignal()
  const stopped = new Promise<void>((resolve) =>
    stop.addEventListener('abort', () => resolve(), { once: true }),
  )
  const enough = Promise.withResolvers<void>()
  const show = printer(options, () => enough.resolve())
  const follower = await follow(broker, {
    topic: name,
    key: lenient(serdeOf(options.keyFormat)),
    value: lenient(serdeOf(options.valueFormat)),
    from: await startOf(broker, topic, options),
    each: (record) => show({ ...record, headers: headersOf(record.headers) }),
  })
  const end = options.follow ? follower.ended : Promise.race([follower.caughtUp(), follower.ended])
  await Promise.race([end, enough.promise, stopped])
  await follower.close()
}

/** A running application is always followed: it writes on. Its own serdes read keys and values. */
async function consumeServed(url: string, topic: string, options: ConsumeOptions): Promise<void> {
  const enough = new AbortController()
  const stop = AbortSignal.any([stopSignal(), enough.signal])
  const show = printer(options, () => enough.abort())
  const from =
    options.at === undefined
      ? options.fromBeginning
        ? 'earliest'
        : 'latest'
      : new Date(options.at).toISOString()
  for await (const record of servedRecords(url, topic, from, stop)) {
    show({ topic, ...record })
    if (stop.aborted) return
  }
}

interface Shown {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: unknown
  readonly value: unknown
  readonly headers: Readonly<Record<string, string | null>>
}

/** Prints what fits, up to the limit, and tells when that is reached. */
function printer(options: ConsumeOptions, enough: () => void): (record: Shown) => void {
  const { filter, partition: only } = options
  let left = options.limit ?? Infinity
  return (record) => {
    if (left === 0 || (only !== undefined && record.partition !== only)) return
    if (filter !== undefined && !filter(record)) return
    process.stdout.write(options.json ? `${String(EXACT_JSON.serialize(record))}\n` : line(record))
    left--
    if (left === 0) enough()
  }
}

function startOf(
  broker: Broker,
  topic: TopicDescription,
  options: ConsumeOptions,
): Promise<readonly number[]> {
  const at = options.at ?? (options.follow && !options.fromBeginning ? 'latest' : 'earliest')
  const partitions = Array.from({ length: topic.partitions }, (_, partition) => partition)
  return Promise.all(
    partitions.map((partition) => broker.admin.listOffset(topic.name, partition, at, 'read_committed')),
  )
}

function headersOf(headers: Headers): Readonly<Record<string, string | null>> {
  return Object.fromEntries(
    headers.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString('utf8')]),
  )
}

function line({ partition, offset, timestamp, key, value }: Shown): string {
  const at = new Date(timestamp).toISOString()
  return `${at}  ${partition}@${offset}  ${show(key)}  ${show(value)}\n`
}

/** Text as it is, so that keys are easy to read; everything else as JSON. */
function show(side: unknown): string {
  return typeof side === 'string' ? side : String(EXACT_JSON.serialize(side))
}
