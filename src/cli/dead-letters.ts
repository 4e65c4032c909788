/** Reads the dead letters of an application out of its topic, with cause, place and attempts, and which were redriven already. */
import type { Broker, TopicDescription } from '../core/broker.ts'
import { nearest } from '../core/config.ts'
import { ERRORS, sluiceError } from '../core/errors.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { Bytes, Headers } from '../core/record.ts'
import { rangesOf } from './folder-broker.ts'
import { ownBytes, ownHeaders, readAll } from './read-topic.ts'

export interface Letter {
  /** `offset`, or `partition:offset` where the topic has several partitions. */
  readonly id: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Bytes | null
  readonly value: Bytes | null
  /** Headers of the record that failed, without the cause. */
  readonly headers: Headers
  /** Where the record was read. Topic '' and offset -1: made by a timer. */
  readonly from: { readonly topic: string; readonly partition: number; readonly offset: number }
  readonly code: string
  readonly message: string
  readonly stack: string
  readonly node: string
  readonly attempts: number
  readonly redriven: boolean
}

const SUFFIX = '-dead-letters'

/** The topic in which redriven letters are marked, so that none is sent twice. */
export function marksTopic(application: string): string {
  return `${application}-redriven`
}

/** Key of the mark of a letter; the identity of the topic keeps marks of a deleted one from hiding letters of the next. */
export function markOf(
  topic: TopicDescription,
  { partition, offset }: Pick<Letter, 'partition' | 'offset'>,
): string {
  return `${topic.topicId}:${partition}:${offset}`
}

/**
 * The application meant: the one named, or the only one there is.
 * @throws SLUICE_CONFIG_INVALID with the names there are
 */
export async function findApplication(
  broker: Broker,
  given: string | undefined,
): Promise<{ readonly application: string; readonly topic: TopicDescription }> {
  const topics = (await broker.admin.describeTopics()).filter(({ name }) => name.endsWith(SUFFIX))
  const names = topics.map(({ name }) => name.slice(0, -SUFFIX.length))
  const application = given ?? (names.length === 1 ? names[0]! : '')
  const topic = topics.find(({ name }) => name === `${application}${SUFFIX}`)
  if (topic !== undefined) return { application, topic }
  const close = given === undefined ? undefined : nearest(given, names)
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: '--app',
    expected: `one of the applications that ran here: ${names.join(', ') || '(none)'}`,
    came: `${given ?? 'nothing'}${close === undefined ? '' : ` (did you mean ${close}?)`}`,
  })
}

/** All letters, oldest first. */
export async function readLetters(
  broker: Broker,
  application: string,
  topic: TopicDescription,
): Promise<readonly Letter[]> {
  const marks = await readMarks(broker, application)
  const letters: Letter[] = []
  await readAll(broker, topic.name, await rangesOf(broker, topic), (partition, batch, at) => {
    const offset = batch.offsetAt(at)
    const headers = batch.headersAt(at)
    letters.push({
      ...causeOf(headers),
      id: topic.partitions === 1 ? `${offset}` : `${partition}:${offset}`,
      partition,
      offset,
      timestamp: batch.timestampAt(at),
      key: ownBytes(batch.keyAt(at)),
      value: ownBytes(batch.valueAt(at)),
      headers: ownHeaders(headers.filter(({ key }) => !isCause(key))),
      redriven: marks.has(markOf(topic, { partition, offset })),
    })
  })
  return letters
}

/** Keys of all letters redriven so far. */
export async function readMarks(broker: Broker, application: string): Promise<ReadonlySet<string>> {
  const [topic] = await broker.admin.describeTopics([marksTopic(application)])
  const marks = new Set<string>()
  if (topic === undefined) return marks
  await readAll(broker, topic.name, await rangesOf(broker, topic), (_, batch, at) => {
    const key = batch.keyAt(at)
    if (key !== null) marks.add(text(key))
  })
  return marks
}

/**
 * What to do about the cause of a letter, out of the table of errors. A letter keeps no details, so what the table fills
 * in from them is left open here; the message of the letter says it.
 */
export function remedyOf({ code }: Pick<Letter, 'code'>): string {
  const row = Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode] : undefined
  if (row === undefined) {
    return 'This version of Sluice does not know the cause: look at the message, correct what it names, and redrive the letter.'
  }
  if (row.fix === '{remedy}') return 'Correct what the message names, and redrive the letter.'
  return row.fix.replaceAll(/\{(\w+)\}/g, 'the $1')
}

function isCause(name: string): boolean {
  return name.startsWith('__streams.errors.') || name.startsWith('sluice.errors.')
}

/** The last header of a name counts: a record that was a letter before carries the older cause in front. */
function causeOf(
  headers: Headers,
): Pick<Letter, 'from' | 'code' | 'message' | 'stack' | 'node' | 'attempts'> {
  const last = (name: string): string => {
    const value = headers.findLast(({ key }) => key === name)?.value
    return value === null || value === undefined ? '' : text(value)
  }
  const number = (name: string): number => (last(name) === '' ? -1 : Number(last(name)))
  return {
    from: {
      topic: last('__streams.errors.topic'),
      partition: number('__streams.errors.partition'),
      offset: number('__streams.errors.offset'),
    },
    code: last('__streams.errors.exception'),
    message: last('__streams.errors.message'),
    stack: last('__streams.errors.stacktrace'),
    node: last('sluice.errors.node'),
    attempts: Math.max(0, number('sluice.errors.attempts')),
  }
}

function text(bytes: Bytes): string {
  return Buffer.from(bytes).toString('utf8')
}
