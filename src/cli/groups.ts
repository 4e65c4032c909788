/** Commands `sluice groups` and `sluice lag`: who works on what, and how far each group is. They only look. */
import { Command } from 'commander'
import type { Broker, CommittedOffset } from '../core/broker.ts'
import { sluiceError } from '../core/errors.ts'
import { taskName } from '../core/record.ts'
import { columns, jsonLine } from './columns.ts'
import { addPlaceFlags, rangesOf, withBroker } from './folder-broker.ts'
import type { PlaceFlags } from './folder-broker.ts'

interface GroupsOptions extends PlaceFlags {
  readonly json: boolean
}

/** The command `sluice groups`. */
export function groupsCommand(): Command {
  const command = new Command('groups')
    .description('Applications and other consumer groups; of one: its instances and their tasks.')
    .argument('[group]', 'the name of an application')
  return addPlaceFlags(command)
    .option('--json', 'for programs: JSON lines on stdout', false)
    .addHelpText('after', '\nExample:\n  sluice groups shop --broker kafka://localhost:9092')
    .action((group: string | undefined, options: GroupsOptions) =>
      withBroker(options, (broker) =>
        group === undefined ? list(broker, options) : show(broker, group, options),
      ),
    )
}

/** The command `sluice lag`. */
export function lagCommand(): Command {
  const command = new Command('lag')
    .description('How many records each partition of a group is behind, and where it is.')
    .argument('<group>', 'the name of an application')
  return addPlaceFlags(command)
    .option('--json', 'for programs: JSON lines on stdout', false)
    .addHelpText('after', '\nExample:\n  sluice lag shop --broker kafka://localhost:9092')
    .action((group: string, options: GroupsOptions) =>
      withBroker(options, (broker) => lag(broker, group, options)),
    )
}

async function list(broker: Broker, { json }: GroupsOptions): Promise<void> {
  const groups = await broker.admin.listGroups()
  process.stdout.write(groups.map((group) => (json ? jsonLine({ group }) : `${group}\n`)).join(''))
}

async function show(broker: Broker, group: string, { json }: GroupsOptions): Promise<void> {
  const members = await broker.admin.describeGroup(group)
  if (members.length === 0) await checkGroup(broker, group)
  if (json) {
    for (const { active, standby, ...member } of members)
      process.stdout.write(
        jsonLine({ ...member, active: active.map(taskName), standby: standby.map(taskName) }),
      )
    return
  }
  const rows = members.map(({ memberId, endpoint, active, standby }) => [
    memberId,
    active.map(taskName).join(' ') || '-',
    standby.map(taskName).join(' ') || '-',
    endpoint ?? '-',
  ])
  if (rows.length === 0) process.stdout.write(`no instance of ${group} runs\n`)
  else process.stdout.write(columns([['instance', 'tasks', 'stand-by', 'answers at'], ...rows]))
}

interface Behind {
  readonly topic: string
  readonly partition: number
  readonly position: number
  readonly end: number
  readonly lag: number
}

async function lag(broker: Broker, group: string, { json }: GroupsOptions): Promise<void> {
  const committed = await broker.committedOffsets(group)
  if (committed.length === 0) await checkGroup(broker, group)
  const behind = await behindOf(broker, committed)
  if (json) {
    process.stdout.write(behind.map((one) => jsonLine(one)).join(''))
    return
  }
  const rows = behind.map(({ topic, ...numbers }) => {
    const { partition, position, end } = numbers
    return [topic, `${partition}`, `${position}`, `${end}`, `${numbers.lag}`]
  })
  const sum = behind.reduce((all, one) => all + one.lag, 0)
  process.stdout.write(columns([['topic', 'partition', 'position', 'end', 'lag'], ...rows]))
  process.stdout.write(`${group} is ${sum} offsets behind\n`)
}

/** Offsets, marks of transactions included: what is committed is a position, not a count of records. */
async function behindOf(broker: Broker, committed: readonly CommittedOffset[]): Promise<readonly Behind[]> {
  const topics = await broker.admin.describeTopics([...new Set(committed.map(({ topic }) => topic))])
  const all = await Promise.all(
    topics.map(async (topic) => {
      const ranges = await rangesOf(broker, topic)
      return committed
        .filter((one) => one.topic === topic.name && one.partition < ranges.length)
        .map(({ partition, offset }) => {
          const { start, end } = ranges[partition]!
          const lag = Math.max(0, end - Math.max(start, offset))
          return { topic: topic.name, partition, position: offset, end, lag }
        })
    }),
  )
  const name = ({ topic }: Behind): string => topic
  return all.flat().toSorted((a, b) => name(a).localeCompare(name(b)) || a.partition - b.partition)
}

async function checkGroup(broker: Broker, group: string): Promise<void> {
  const groups = await broker.admin.listGroups()
  if (groups.includes(group)) return
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: 'group',
    expected: `one of ${groups.join(', ') || '(there are none)'}`,
    came: group,
  })
}
