/** Processors of the cases that take their values as commands to a store and forward the result as text. */
import type {
  FlowRecord,
  KeyValueStore,
  ProcessContext,
  SessionStore,
  UserProcessor,
  Versioned,
  VersionedStore,
  Windowed,
  WindowStore,
} from '../../src/index.ts'
import type { Step } from './case.ts'
import { text } from './functions.ts'
import type { Value } from './functions.ts'
import type { Key } from './thing.ts'

type Context = ProcessContext<string, Value>
type Build = (context: Context) => UserProcessor<Key, Value>

/** One command: its words behind the verb, the key of its record, its time. */
interface Command {
  readonly words: readonly string[]
  readonly key: string
  readonly time: number
}

type Run = (command: Command) => string
type Verbs = Readonly<Record<string, Run>>

/** Of the processors `kv`, `window`, `session` and `versioned`. */
export const COMMANDS: Readonly<Record<string, (step: Step) => Build>> = {
  kv: (step) => build<KeyValueStore<string, Value>>(step, keyValue),
  window: (step) => build<WindowStore<string, Value>>(step, window),
  session: (step) => build<SessionStore<string, Value>>(step, session),
  versioned: (step) => build<VersionedStore<string, Value>>(step, versioned),
}

function build<S>(step: Step, verbsOf: (store: S) => Verbs): Build {
  return (context) => {
    const verbs = verbsOf(context.store<S>(step.stores![0]!))
    return {
      process: (record) => {
        const [verb = '', ...words] = text(record.value).split(':')
        const result = verbs[verb]!({
          words,
          key: (record.key as string | null) ?? '',
          time: record.timestamp,
        })
        context.next((record as FlowRecord<string, Value>).withValue(result))
      },
    }
  }
}

const value = (word: string | undefined): string | null =>
  word === undefined || word === 'null' ? null : word
const bound = (word: string | undefined): string | undefined => value(word) ?? undefined
const times = (words: readonly string[]): number[] => words.map(Number)

function list<T>(entries: Iterable<T>, shown: (entry: T) => string): string {
  return `[${Array.from(entries, shown).join(',')}]`
}

const pair = ([key, held]: readonly [unknown, Value]): string => `${String(key)}=${text(held)}`
const windowed = ([{ key, start, end }, held]: readonly [Windowed<string>, Value]): string =>
  `${key}@${start}-${end}=${text(held)}`

function keyValue(store: KeyValueStore<string, Value>): Verbs {
  const taken = (key: string): string => text(store.get(key))
  return {
    get: ({ key }) => taken(key),
    put: ({ key, words }) => done(() => store.put(key, value(words[0]))),
    del: ({ key }) => before(taken(key), () => store.delete(key)),
    putIfAbsent: ({ key, words }) => {
      const held = taken(key)
      return before(held, () => held === 'null' && store.put(key, value(words[0])))
    },
    putAll: ({ words }) =>
      done(() => {
        for (const word of words) store.put(word.split('=')[0]!, value(word.split('=')[1]))
      }),
    range: ({ words: [from, to] }) => list(store.range(bound(from), bound(to)), pair),
    reverseRange: ({ words: [from, to] }) => list(store.reverseRange(bound(from), bound(to)), pair),
    all: () => list(store.all(), pair),
    reverseAll: () => list(store.reverseRange(), pair),
    prefix: ({ words: [start] }) => list(store.prefix(start!), pair),
  }
}

function done(run: () => unknown): string {
  run()
  return 'ok'
}

function before(result: string, run: () => unknown): string {
  run()
  return result
}

function window(store: WindowStore<string, Value>): Verbs {
  const fetched = ({ key, words }: Command, reverse: boolean): string => {
    const [from, to] = times(words)
    return list(store.fetchRange(key, from!, to!, reverse), pair)
  }
  const all = ({ words }: Command, reverse: boolean): string => {
    const [from, to] = times(words)
    return list(store.fetchKeys(undefined, undefined, from!, to!, reverse), windowed)
  }
  return {
    put: ({ key, words: [held, start], time }) =>
      done(() => store.put(key, value(held), start === undefined ? time : Number(start))),
    get: ({ key, words: [start] }) => text(store.fetch(key, Number(start))),
    fetch: (command) => fetched(command, false),
    backward: (command) => fetched(command, true),
    range: ({ words: [keyFrom, keyTo, from, to] }) =>
      list(store.fetchKeys(bound(keyFrom), bound(keyTo), Number(from), Number(to)), windowed),
    fetchAll: (command) => all(command, false),
    backwardAll: (command) => all(command, true),
    all: () => list(store.all(), windowed),
  }
}

function session(store: SessionStore<string, Value>): Verbs {
  const found = (key: string, words: readonly string[], reverse: boolean): string => {
    const [earliestEnd = 0, latestStart = Number.MAX_SAFE_INTEGER] = times(words)
    return list(store.findSessions(key, earliestEnd, latestStart, reverse), windowed)
  }
  const foundOf = ([keyFrom, keyTo, ...words]: readonly string[]): string => {
    const [earliestEnd = 0, latestStart = Number.MAX_SAFE_INTEGER] = times(words)
    return list(store.findSessionsOfKeys(bound(keyFrom), bound(keyTo), earliestEnd, latestStart), windowed)
  }
  const at = (key: string, words: readonly string[]): Windowed<string> => {
    const [start, end] = times(words)
    return { key, start: start!, end: end! }
  }
  return {
    put: ({ key, words: [held, ...words] }) => done(() => store.put(at(key, words), value(held))),
    remove: ({ key, words }) => done(() => store.remove(at(key, words))),
    get: ({ key, words }) => text(store.fetchSession(key, Number(words[0]), Number(words[1]))),
    find: ({ key, words }) => found(key, words, false),
    backwardFind: ({ key, words }) => found(key, words, true),
    findRange: ({ words }) => foundOf(words),
    fetch: ({ key }) => found(key, [], false),
    backwardFetch: ({ key }) => found(key, [], true),
    fetchRange: ({ words }) => foundOf(words),
  }
}

/** What Kafka Streams answers where a version was not taken: Long.MIN_VALUE. */
const NOT_PUT = '-9223372036854775808'

function versioned(store: VersionedStore<string, Value>): Verbs {
  // Kafka Streams does not say until when a version was true that is no more.
  const shown = (version: Versioned<Value> | undefined): string =>
    version === undefined ? 'null' : `${text(version.value)}@${version.validFrom}-inf`
  return {
    put: ({ key, words: [held, at], time }) => {
      const until = store.put(key, value(held), at === undefined ? time : Number(at))
      return until === 'rejected' ? NOT_PUT : String(until ?? -1)
    },
    del: ({ key, words: [at] }) => shown(store.delete(key, Number(at))),
    get: ({ key, words: [asOf] }) =>
      shown(asOf === undefined ? store.get(key) : store.getAsOf(key, Number(asOf))),
  }
}
