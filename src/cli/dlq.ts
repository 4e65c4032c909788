/** Commands `sluice dlq list|show|redrive`: what an application refused, why, and sending it through once more. */
import { Command } from 'commander'
import type { Broker } from '../core/broker.ts'
import { sluiceError } from '../core/errors.ts'
import type { Bytes } from '../core/record.ts'
import { wholeNumber } from './arguments.ts'
import { columns, jsonLine } from './columns.ts'
import { findApplication, readLetters, remedyOf } from './dead-letters.ts'
import type { Letter } from './dead-letters.ts'
import type { PlaceFlags } from './folder-broker.ts'
import { addPlaceFlags, withBroker } from './folder-broker.ts'
import { redrive } from './redrive.ts'
import type { Redriven } from './redrive.ts'

interface DlqOptions extends PlaceFlags {
  readonly app?: string
  readonly json: boolean
}

interface ChoiceOptions extends DlqOptions {
  readonly code?: string
  readonly node?: string
  readonly limit?: number
}

interface ListOptions extends ChoiceOptions {
  readonly all: boolean
}

interface RedriveCommandOptions extends ChoiceOptions {
  readonly all: boolean
  readonly fromLetter: boolean
  readonly dryRun: boolean
}

/** The command with its sub-commands. */
export function dlqCommand(): Command {
  return new Command('dlq')
    .description('Dead letters of an application: list them, look at one, send them through again.')
    .addHelpText('after', '\nExample:\n  sluice dlq list --folder data --app shop')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(redriveCommand())
}

function onLetters(name: string, description: string, example: string): Command {
  return addPlaceFlags(new Command(name).description(description))
    .option('--app <name>', 'the application (default: the only one of the folder)')
    .option('--json', 'for programs: JSON lines on stdout', false)
    .addHelpText('after', `\nExample:\n  ${example}`)
}

function choosing(command: Command): Command {
  return command
    .option('--code <code>', 'only those with this cause, for instance SLUICE_DESERIALIZE')
    .option('--node <name>', 'only those of this operator')
    .option('--limit <letters>', 'no more than so many', wholeNumber(1, Number.MAX_SAFE_INTEGER))
}

function listCommand(): Command {
  const example = 'sluice dlq list --folder data --app shop --code SLUICE_DESERIALIZE'
  return choosing(onLetters('list', 'Dead letters with cause, place and attempts, oldest first.', example))
    .option('--all', 'also those that were redriven', false)
    .action((options: ListOptions) =>
      withBroker(options, async (broker) => {
        const { letters } = await lettersOf(broker, options)
        const shown = chosen(letters, options).filter(({ redriven }) => options.all || !redriven)
        process.stdout.write(options.json ? shown.map(facts).map(jsonLine).join('') : table(shown))
      }),
    )
}

function showCommand(): Command {
  return onLetters(
    'show',
    'One dead letter with everything it holds, and what to do about its cause.',
    'sluice dlq show 0 --folder data --app shop',
  )
    .argument('<letter>', 'its number in `sluice dlq list`')
    .action((id: string, options: DlqOptions) =>
      withBroker(options, async (broker) => {
        const { letters, application } = await lettersOf(broker, options)
        const [letter] = byId(letters, [id], application)
        process.stdout.write(options.json ? jsonLine(details(letter!)) : page(letter!))
      }),
    )
}

function redriveCommand(): Command {
  return choosing(
    onLetters(
      'redrive',
      'Write the records of dead letters behind the end of the topics they came from; the next run of the application ' +
        'processes them again, from that topic on. A letter is sent once: a second redrive leaves it alone.',
      'sluice dlq redrive --all --folder data --app shop',
    ),
  )
    .argument('[letters...]', 'their numbers in `sluice dlq list`')
    .option('--all', 'all that were not redriven yet (and fit --code, --node)', false)
    .option('--from-letter', 'where the record itself is gone, send what the letter holds', false)
    .option('--dry-run', 'say what would be sent, send nothing', false)
    .action((ids: readonly string[], options: RedriveCommandOptions) =>
      withBroker(options, (broker) => redriveLetters(broker, ids, options)),
    )
}

async function redriveLetters(
  broker: Broker,
  ids: readonly string[],
  options: RedriveCommandOptions,
): Promise<void> {
  const chose = options.all || options.code !== undefined || options.node !== undefined
  if (chose === ids.length > 0) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: 'sluice dlq redrive',
      expected: 'numbers of letters, or --all, --code or --node',
      came: chose ? 'both' : 'neither',
    })
  }
  const { letters, application, topic } = await lettersOf(broker, options)
  const wanted = chose
    ? chosen(
        letters.filter(({ redriven }) => !redriven),
        options,
      )
    : byId(letters, ids, application)
  const outcomes = await redrive(broker, { application, topic }, wanted, options)
  process.stdout.write(
    options.json ? outcomes.map(outcomeFacts).map(jsonLine).join('') : report(outcomes, options),
  )
}

async function lettersOf(
  broker: Broker,
  { app }: DlqOptions,
): Promise<Awaited<ReturnType<typeof findApplication>> & { readonly letters: readonly Letter[] }> {
  const found = await findApplication(broker, app)
  return { ...found, letters: await readLetters(broker, found.application, found.topic) }
}

function chosen(letters: readonly Letter[], { code, node, limit }: ChoiceOptions): readonly Letter[] {
  return letters
    .filter(
      (letter) =>
        (code === undefined || letter.code === code) && (node === undefined || letter.node === node),
    )
    .slice(0, limit ?? letters.length)
}

/** @throws SLUICE_CONFIG_INVALID for a number that no letter has */
function byId(letters: readonly Letter[], ids: readonly string[], application: string): readonly Letter[] {
  const known = new Map(letters.map((letter) => [letter.id, letter]))
  return [...new Set(ids)].map((id) => {
    const letter = known.get(id)
    if (letter !== undefined) return letter
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `dead letters of ${application}`,
      expected: `one of the letters ${
        letters
          .map((letter) => letter.id)
          .slice(0, 10)
          .join(', ') || '(none)'
      }`,
      came: id,
    })
  })
}

function table(letters: readonly Letter[]): string {
  if (letters.length === 0) return 'no dead letters\n'
  const rows = letters.map(({ id, timestamp, code, node, attempts, redriven, message, ...letter }) => [
    id,
    new Date(timestamp).toISOString(),
    placeOf(letter),
    node,
    code,
    `${attempts}`,
    redriven ? 'yes' : 'no',
    message.split('\n', 1)[0]!,
  ])
  return columns([
    ['letter', 'time', 'record', 'operator', 'cause', 'attempts', 'redriven', 'message'],
    ...rows,
  ])
}

function placeOf({ from }: Pick<Letter, 'from'>): string {
  return from.topic === '' ? 'a timer' : `${from.topic}-${from.partition}@${from.offset}`
}

function facts(letter: Letter): object {
  const { id, timestamp, from, code, message, node, attempts, redriven } = letter
  return { letter: id, timestamp, from, code, message, node, attempts, redriven }
}

function details(letter: Letter): object {
  const headers = letter.headers.map(({ key, value }) => ({ key, value: shown(value) }))
  return {
    ...facts(letter),
    remedy: remedyOf(letter),
    stack: letter.stack,
    headers,
    key: shown(letter.key),
    value: shown(letter.value),
  }
}

/** Text where it is UTF-8, else base64 that says so. */
function shown(bytes: Bytes | null): string | null {
  if (bytes === null) return null
  const text = Buffer.from(bytes).toString('utf8')
  return text.includes('\ufffd') ? `base64:${Buffer.from(bytes).toString('base64')}` : text
}

function page(letter: Letter): string {
  const rows: readonly (readonly [string, string])[] = [
    ['letter', letter.id],
    ['record', placeOf(letter)],
    ['time', new Date(letter.timestamp).toISOString()],
    ['operator', letter.node],
    ['cause', letter.code],
    ['attempts', `${letter.attempts}`],
    ['redriven', letter.redriven ? 'yes' : 'no'],
    ...letter.headers.map(({ key, value }) => [`header ${key}`, shown(value) ?? 'null'] as const),
    ['key', shown(letter.key) ?? 'null'],
    ['value', shown(letter.value) ?? 'null'],
  ]
  return `${columns(rows)}\n${letter.message}\nWhat to do: ${remedyOf(letter)}\n\n${letter.stack}\n`
}

function outcomeFacts({ letter, sent, reason }: Redriven): object {
  return { letter: letter.id, sent, to: letter.from, ...(reason === undefined ? {} : { reason }) }
}

function report(outcomes: readonly Redriven[], { dryRun }: RedriveCommandOptions): string {
  const sent = outcomes.filter((outcome) => outcome.sent !== 'kept')
  const kept = outcomes.filter((outcome) => outcome.sent === 'kept')
  const lines = [
    ...sent.map(({ letter, sent: what }) => {
      const { topic, partition } = letter.from
      const source = what === 'record' ? `the record ${placeOf(letter)}` : 'what the letter holds'
      return `letter ${letter.id}: ${source} to ${topic}-${partition}`
    }),
    ...kept.map(({ letter, reason }) => `letter ${letter.id}: kept, ${reason}`),
    `${sent.length} ${dryRun ? 'would be redriven' : 'redriven'}, ${kept.length} kept${sent.length > 0 && !dryRun ? '; run the application to process them' : ''}`,
  ]
  return `${lines.join('\n')}\n`
}
