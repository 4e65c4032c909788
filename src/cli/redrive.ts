/**
 * Sends dead letters through their application again, each once. A letter is answered by the record as it was read, from the
 * place its headers name, written behind the end of the same partition: a letter alone holds what the failing operator was
 * given, which is not what its topic holds. Records and the marks of their letters are written in one transaction.
 */
import type { Broker, Producer, ProduceTarget, TopicDescription } from '../core/broker.ts'
import { isSluiceError } from '../core/errors.ts'
import type { Headers } from '../core/record.ts'
import { systemClock } from '../platform/clock.ts'
import { markOf, marksTopic, readMarks } from './dead-letters.ts'
import type { Letter } from './dead-letters.ts'
import { RecordReader } from './read-topic.ts'
import type { StoredRecord } from './read-topic.ts'

export interface RedriveOptions {
  /** Sends what the letter holds where the record itself is gone (a purged repartition topic, retention, compaction). */
  readonly fromLetter: boolean
  /** Looks and reports, writes nothing. */
  readonly dryRun: boolean
}

export interface Redriven {
  readonly letter: Letter
  /** `record`: the record as it was read. `letter`: what the letter holds. `kept`: nothing was sent. */
  readonly sent: 'record' | 'letter' | 'kept'
  /** Why it was kept. */
  readonly reason?: string
}

/** Header of a redriven record: the letter it answers. */
export const REDRIVE_HEADER = 'sluice.redrive.letter'
/** Header of a redriven record: how many times it was redriven, so that an endless one can be seen. */
const COUNT_HEADER = 'sluice.redrive.count'

const PER_TRANSACTION = 200

/**
 * @returns what became of each letter, in order
 * @throws SLUICE_PRODUCER_FENCED when another redrive of the application started meanwhile; its letters are not lost
 */
export async function redrive(
  broker: Broker,
  { application, topic }: { readonly application: string; readonly topic: TopicDescription },
  letters: readonly Letter[],
  options: RedriveOptions,
): Promise<readonly Redriven[]> {
  if (!options.dryRun) await ensureMarks(broker, application)
  const producer = broker.producer({
    transactionalId: `${application}-redrive`,
    transactionTimeoutMs: 60_000,
  })
  const reader = new RecordReader(broker)
  try {
    // Ends the transaction of a redrive that died; only then the marks say what was really sent.
    if (!options.dryRun) await producer.init()
    const marks = await readMarks(broker, application)
    const mark = producer.target(marksTopic(application), 0)
    const all: Redriven[] = []
    for (let at = 0; at < letters.length; at += PER_TRANSACTION) {
      const chunk: Decision[] = []
      for (const letter of letters.slice(at, at + PER_TRANSACTION))
        chunk.push(await decide(reader, letter, marks.has(markOf(topic, letter)), options))
      if (!options.dryRun) await send(producer, mark, topic, chunk)
      all.push(...chunk)
    }
    return all
  } finally {
    reader.close()
    await producer.close()
  }
}

interface Decision extends Redriven {
  readonly record?: StoredRecord
}

async function decide(
  reader: RecordReader,
  letter: Letter,
  marked: boolean,
  { fromLetter }: RedriveOptions,
): Promise<Decision> {
  const kept = (reason: string): Decision => ({ letter, sent: 'kept', reason })
  const { topic, partition, offset } = letter.from
  if (marked) return kept('it was redriven before')
  if (topic === '' || offset < 0) return kept('it was made by a timer, not by a record of a topic')
  const record = await reader.at(topic, partition, offset)
  if (record !== undefined) return { letter, sent: 'record', record }
  if (!(await reader.has(topic, partition))) return kept(`the topic ${topic} is gone`)
  // What cannot be read never reached an operator: its letter holds the very bytes.
  if (fromLetter || letter.code === 'SLUICE_DESERIALIZE') return { letter, sent: 'letter', record: letter }
  const place = `${topic}-${partition}@${offset}`
  return kept(
    `${place} is gone; the letter holds what ${letter.node} was given: --from-letter sends that to ${topic}`,
  )
}

/** One transaction: visible together, or not at all. */
async function send(
  producer: Producer,
  mark: ProduceTarget,
  topic: TopicDescription,
  chunk: readonly Decision[],
): Promise<void> {
  const buffer = producer.buffer()
  for (const { letter, record, sent } of chunk) {
    if (record === undefined) continue
    const { from } = letter
    const { key, value, timestamp, headers } = record
    buffer.append(producer.target(from.topic, from.partition), key, value, timestamp, marked(headers, letter))
    const facts = JSON.stringify({ topic: from.topic, partition: from.partition, offset: from.offset, sent })
    buffer.append(mark, markOf(topic, letter), facts, systemClock.now(), [])
  }
  if (buffer.records === 0) return
  await producer.send(buffer)
  await producer.commit()
}

function marked(headers: Headers, letter: Letter): Headers {
  const count = headers.findLast(({ key }) => key === COUNT_HEADER)?.value
  const times = count === undefined || count === null ? 1 : Number(Buffer.from(count).toString('utf8')) + 1
  return [
    ...headers.filter(({ key }) => key !== COUNT_HEADER && key !== REDRIVE_HEADER),
    { key: REDRIVE_HEADER, value: Buffer.from(letter.id, 'utf8') },
    { key: COUNT_HEADER, value: Buffer.from(String(times), 'utf8') },
  ]
}

async function ensureMarks(broker: Broker, application: string): Promise<void> {
  const spec = { name: marksTopic(application), partitions: 1, config: { 'cleanup.policy': 'compact' } }
  try {
    await broker.admin.createTopic(spec)
  } catch (error) {
    if (!isSluiceError(error, 'SLUICE_TOPIC_EXISTS')) throw error
  }
}
