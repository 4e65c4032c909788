/** Commands `sluice topics list|create|describe|delete`: the topics of a folder or of Kafka. */
import { Command } from 'commander'
import type { Broker, TopicDescription } from '../core/broker.ts'
import { sluiceError } from '../core/errors.ts'
import { setting, wholeNumber } from './arguments.ts'
import { columns, jsonLine } from './columns.ts'
import { addPlaceFlags, describeTopic, rangesOf, withBroker } from './folder-broker.ts'
import type { PlaceFlags, Range } from './folder-broker.ts'
import { servedTopics } from './running-app.ts'
import { DEFAULT_PARTITIONS } from './run-options.ts'

interface TopicsOptions extends PlaceFlags {
  readonly json: boolean
}

interface ListOptions extends TopicsOptions {
  readonly url?: string
}

interface CreateOptions extends TopicsOptions {
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

interface DeleteOptions extends TopicsOptions {
  readonly yes: boolean
}

/** The command with its sub-commands. */
export function topicsCommand(): Command {
  return new Command('topics')
    .description('List, create, describe and delete the topics of a folder or of Kafka.')
    .addHelpText('after', '\nExample:\n  sluice topics list --folder data')
    .addCommand(listCommand())
    .addCommand(createCommand())
    .addCommand(describeCommand())
    .addCommand(deleteCommand())
}

function onFolder(name: string, description: string, example: string): Command {
  return addPlaceFlags(new Command(name).description(description))
    .option('--json', 'for programs: JSON on stdout', false)
    .addHelpText('after', `\nExample:\n  ${example}`)
}

function listCommand(): Command {
  return onFolder('list', 'All topics with partitions and offsets.', 'sluice topics list --folder data')
    .option('--url <address>', 'of a running application instead, for instance http://127.0.0.1:8080')
    .action((options: ListOptions) =>
      options.url === undefined
        ? withBroker(options, (broker) => list(broker, options))
        : listServed(options.url, options.json),
    )
}

async function list(broker: Broker, { json }: TopicsOptions): Promise<void> {
  const topics = await Promise.all(
    (await broker.admin.describeTopics()).map(async (topic) => ({ topic, held: await held(broker, topic) })),
  )
  if (json) {
    for (const { topic, held: offsets } of topics)
      process.stdout.write(jsonLine({ topic: topic.name, partitions: topic.partitions, offsets }))
    return
  }
  const rows = topics.map(({ topic, held: offsets }) => [topic.name, `${topic.partitions}`, `${offsets}`])
  process.stdout.write(columns([['topic', 'partitions', 'offsets held'], ...rows]))
}

async function listServed(address: string, json: boolean): Promise<void> {
  const topics = await servedTopics(address)
  if (json)
    process.stdout.write(topics.map(({ name, partitions }) => jsonLine({ topic: name, partitions })).join(''))
  else
    process.stdout.write(
      columns([['topic', 'partitions'], ...topics.map(({ name, partitions }) => [name, `${partitions}`])]),
    )
}

/** Offsets held: records and the marks of transactions. */
async function held(broker: Broker, topic: TopicDescription): Promise<number> {
  return (await rangesOf(broker, topic)).reduce((sum, { start, end }) => sum + end - start, 0)
}

function createCommand(): Command {
  return onFolder(
    'create',
    'Create a topic; the folder is made if there is none.',
    'sluice topics create orders --folder data --partitions 8 --config cleanup.policy=compact',
  )
    .argument('<topic>', 'its name')
    .option('--partitions <count>', 'its partitions', wholeNumber(1, 10_000), DEFAULT_PARTITIONS)
    .option('--config <name=value>', "one of Kafka's topic configs; repeatable", setting, {})
    .action((name: string, { partitions, config, json, ...place }: CreateOptions) =>
      withBroker(
        place,
        async (broker) => {
          await broker.admin.createTopic({ name, partitions, config })
          say(
            json,
            { event: 'created', topic: name, partitions },
            `created ${name} with ${partitions} partition(s)`,
          )
        },
        { create: true },
      ),
    )
}

function describeCommand(): Command {
  return onFolder(
    'describe',
    'Configuration, identity and offsets of one topic.',
    'sluice topics describe orders --folder data',
  )
    .argument('<topic>', 'its name')
    .action((name: string, { json, ...place }: TopicsOptions) =>
      withBroker(place, async (broker) => {
        const topic = await describeTopic(broker, name)
        const ranges = await rangesOf(broker, topic)
        process.stdout.write(json ? jsonLine({ ...topic, offsets: ranges }) : description(topic, ranges))
      }),
    )
}

function description({ name, topicId, config }: TopicDescription, ranges: readonly Range[]): string {
  const settings = Object.entries(config).map(([key, value]) => [`  ${key}`, value])
  const rows = ranges.map(({ partition, start, end }) => [`  ${partition}`, `${start}`, `${end}`])
  return [
    `${name} (${topicId})\n`,
    columns(settings),
    columns([['  partition', 'first offset', 'next offset'], ...rows]),
  ].join('')
}

function deleteCommand(): Command {
  return onFolder(
    'delete',
    'Delete a topic, its records and the positions committed on it.',
    'sluice topics delete orders --folder data --yes',
  )
    .argument('<topic>', 'its name')
    .option('--yes', 'also when it holds records', false)
    .action((name: string, { yes, json, ...place }: DeleteOptions) =>
      withBroker(place, async (broker) => {
        const offsets = await held(broker, await describeTopic(broker, name))
        if (offsets > 0 && !yes) throw unconfirmed(name, offsets)
        await broker.admin.deleteTopic(name)
        say(json, { event: 'deleted', topic: name }, `deleted ${name}`)
      }),
    )
}

function unconfirmed(topic: string, offsets: number): Error {
  return sluiceError('SLUICE_CONFIG_INVALID', {
    place: `sluice topics delete ${topic}`,
    expected: `--yes, since ${offsets} offsets of records would be lost`,
    came: 'no --yes',
  })
}

function say(json: boolean, facts: object, text: string): void {
  process.stdout.write(json ? jsonLine(facts) : `${text}\n`)
}
