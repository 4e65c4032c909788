/** Command `sluice consume`: the committed records of a topic, for people or as JSON lines. It joins no group. */
import { Command } from 'commander'
import type { Broker, TopicDescription } from '../core/broker.ts'
import type { Headers } from '../core/record.ts'
import { time, wholeNumber } from './arguments.ts'
import { parseFilter } from './filter.ts'
import type { Filter } from './filter.ts'
import { describeTopic, withFolder } from './folder-broker.ts'
import { follow } from './follow.ts'
import type { Followed } from './follow.ts'
import { EXACT_JSON, formatOptions, serdeOf } from './formats.ts'
import type { Format } from './formats.ts'
import { stopSignal } from './signals.ts'
import { lenient } from './topics.ts'

interface ConsumeOptions {
  readonly folder?: string
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
    .description('Print the records of a topic of a folder and stop at its present end.')
    .argument('<topic>', 'an existing topic')
    .option('--folder <dir>', 'the folder of `sluice run --folder`; no application may be using it')
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
      withFolder(options.folder, (broker) => consume(broker, topic, options)),
    )
}

async function consume(broker: Broker, name: string, options: ConsumeOptions): Promise<void> {
  const topic = await describeTopic(broker, name)
  const stop = stopSignal()
  const stopped = new Promise<void>((resolve) =>
    stop.addEventListener('abort', () => resolve(), { once: true }),
  )
  const enough = Promise.withResolvers<void>()
  let left = options.limit ?? Infinity
  const { filter, partition: only } = options
  const follower = await follow(broker, {
    topic: name,
    key: lenient(serdeOf(options.keyFormat)),
    value: lenient(serdeOf(options.valueFormat)),
    from: await startOf(broker, topic, options),
    each: (record) => {
      if (left === 0 || (only !== undefined && record.partition !== only)) return
      const shown = { ...record, headers: headersOf(record.headers) }
      if (filter !== undefined && !filter(shown)) return
      process.stdout.write(options.json ? `${String(EXACT_JSON.serialize(shown))}\n` : line(record))
      left--
      if (left === 0) enough.resolve()
    },
  })
  const end = options.follow ? follower.ended : Promise.race([follower.caughtUp(), follower.ended])
  await Promise.race([end, enough.promise, stopped])
  await follower.close()
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

function line({ partition, offset, timestamp, key, value }: Followed<unknown, unknown>): string {
  const at = new Date(timestamp).toISOString()
  return `${at}  ${partition}@${offset}  ${show(key)}  ${show(value)}\n`
}

/** Text as it is, so that keys are easy to read; everything else as JSON. */
function show(side: unknown): string {
  return typeof side === 'string' ? side : String(EXACT_JSON.serialize(side))
}
