/**
 * The one table of errors: code, domain, retry hint, message, what to do. Every error that leaves Sluice comes from here.
 * A message says where, what was expected, what came; `fix` says what to do. `{name}` is filled from the details.
 */

export type ErrorDomain = 'user' | 'external' | 'internal'

/** `never`: repeating gives the same. `retry`: repeating is safe and may work. `rejoin`: replaced by another owner; drop and start anew. */
export type RetryHint = 'never' | 'retry' | 'rejoin'

interface ErrorRow {
  readonly domain: ErrorDomain
  readonly retry: RetryHint
  readonly message: string
  readonly fix: string
}

export const ERRORS = {
  SLUICE_CONFIG_INVALID: {
    domain: 'user',
    retry: 'never',
    message: '{place}: expected {expected}, got {came}',
    fix: 'Correct the value; `sluice explain --config` lists every option, `sluice config` every setting with its origin.',
  },
  SLUICE_USAGE: {
    domain: 'user',
    retry: 'never',
    message: '{place}: {problem}',
    fix: '`{command} --help` shows arguments and options, with an example.',
  },
  SLUICE_CONFIG_UNKNOWN: {
    domain: 'user',
    retry: 'never',
    message: '{place}: unknown option "{option}"{nearest}',
    fix: 'Remove it or use one of: {options}.',
  },
  SLUICE_CONFIG_FILE: {
    domain: 'user',
    retry: 'never',
    message: '{place}: not a configuration: {problem}',
    fix: 'Correct the file; `sluice config` shows every setting with its origin.',
  },
  SLUICE_CONFIG_SECRET: {
    domain: 'user',
    retry: 'never',
    message: '{place}: {reference} gives nothing: {problem}',
    fix: '{remedy}',
  },
  SLUICE_PORT_TAKEN: {
    domain: 'user',
    retry: 'never',
    message: '{host}:{port} is taken by {holder}',
    fix: 'Stop it, or choose another port with --port or `serverPort`; 0 takes a free one.',
  },
  SLUICE_LISTEN: {
    domain: 'user',
    retry: 'never',
    message: '{host}:{port}: cannot listen: {problem}',
    fix: 'Correct `serverHost` and `serverPort`: an address of this machine, a port above 1023.',
  },
  SLUICE_TOPIC_INVALID: {
    domain: 'user',
    retry: 'never',
    message:
      'topic "{topic}": not a valid name (1 to 249 of letters, digits, ".", "_", "-"; not "." or "..")',
    fix: 'Rename the topic.',
  },
  SLUICE_TOPIC_MISSING: {
    domain: 'user',
    retry: 'never',
    message: 'topic "{topic}" does not exist{place}',
    fix: 'Create it first, or check the spelling; existing topics: {existing}.',
  },
  SLUICE_TOPIC_EXISTS: {
    domain: 'user',
    retry: 'never',
    message: 'topic "{topic}" exists already',
    fix: 'Use it as it is or delete it first.',
  },
  SLUICE_TOPIC_MISMATCH: {
    domain: 'user',
    retry: 'never',
    message: 'internal topic "{topic}": expected {expected}, found {came}',
    fix: 'It was made by another version of this application: rename the store or the application, or reset the application.',
  },
  SLUICE_COPARTITION: {
    domain: 'user',
    retry: 'never',
    message: '{node}: joined topics must have equal partition counts, but {counts}',
    fix: 'Create them with equal counts, or put repartition(…) before the join.',
  },
  SLUICE_TOPOLOGY: {
    domain: 'user',
    retry: 'never',
    message: '{node}: {problem}',
    fix: '{remedy}',
  },
  SLUICE_NAME_TAKEN: {
    domain: 'user',
    retry: 'never',
    message: '{what} "{name}" is defined twice: by {first} and by {second}',
    fix: 'Give one of them a name of its own with the option `name`.',
  },
  SLUICE_STATE_INCOMPATIBLE: {
    domain: 'user',
    retry: 'never',
    message: 'application "{application}": the state kept by the last run does not fit this version:\n{diff}',
    fix: '{remedy}',
  },
  SLUICE_APP_LOAD: {
    domain: 'user',
    retry: 'never',
    message: '{file}: cannot be loaded: {problem}',
    fix: 'Correct the file; it must export the result of defineApp(…) as default.',
  },
  SLUICE_DESERIALIZE: {
    domain: 'user',
    retry: 'never',
    message: '{topic}-{partition} offset {offset}: the {side} is not valid {format}: {problem}',
    fix: 'Look at it with its dead letter, or correct the serde of the topic.',
  },
  SLUICE_SERIALIZE: {
    domain: 'user',
    retry: 'never',
    message: '{node}: the {side} for {topic} cannot be written as {format}: {problem}',
    fix: 'Return a value that fits the serde, or give the operator another serde.',
  },
  SLUICE_PROCESSING: {
    domain: 'user',
    retry: 'never',
    message: '{node}: your function threw at {topic}-{partition} offset {offset}: {problem}',
    fix: 'The record went to the dead-letter topic; correct the function and redrive it.',
  },
  SLUICE_STORE_UNKNOWN: {
    domain: 'user',
    retry: 'never',
    message: '{node}: no store "{store}" is connected to it; it has: {stores}',
    fix: 'Name the store in the options of the operator.',
  },
  SLUICE_STORE_OPEN: {
    domain: 'external',
    retry: 'never',
    message: 'state folder {folder}: cannot be opened: {problem}',
    fix: 'Check permissions and disk; deleting the folder is safe, it is rebuilt from the changelogs.',
  },
  SLUICE_STORE_WRITE: {
    domain: 'external',
    retry: 'never',
    message: 'state of task {task}: write failed: {problem}',
    fix: 'Check free disk space; the state is rebuilt from the changelog at the next start.',
  },
  SLUICE_STORE_READ: {
    domain: 'user',
    retry: 'never',
    message: 'store "{store}": the {side} kept for a key is not valid {format}: {problem}',
    fix: 'The serde of the store changed since it was written: bring the old serde back, rename the store, or reset the application.',
  },
  SLUICE_DISK: {
    domain: 'external',
    retry: 'never',
    message: '{path}: {operation} failed: {code} {problem}',
    fix: 'Check permissions, free space and the disk; nothing unacknowledged was kept.',
  },
  SLUICE_FOLDER_LOCKED: {
    domain: 'user',
    retry: 'never',
    message: 'folder {folder} is in use by process {pid} ({note})',
    fix: 'Stop that process, or use another folder; a running application shows its topics with --url where it has a serverPort.',
  },
  SLUICE_SEGMENT_BROKEN: {
    domain: 'external',
    retry: 'never',
    message:
      '{file}: broken at byte {position}: {problem}; it is not the torn tail of a crash, records after it would be lost',
    fix: 'Restore the file from a backup, or move the partition folder away to start it empty.',
  },
  SLUICE_RECORD_TOO_LARGE: {
    domain: 'user',
    retry: 'never',
    message: 'a record of {size} bytes for {topic}-{partition} is larger than the limit of {limit} bytes',
    fix: 'Make the record smaller or raise max.message.bytes of the topic.',
  },
  SLUICE_RECORD_REFUSED: {
    domain: 'user',
    retry: 'rejoin',
    message: '{topic}-{partition}: the topic does not take this record: {problem}',
    fix: 'Correct the record, or {setting} of the topic; a running pipeline makes it a dead letter.',
  },
  SLUICE_CORRUPT_BATCH: {
    domain: 'external',
    retry: 'never',
    message: '{topic}-{partition} offset {offset}: record batch cannot be read: {problem}',
    fix: 'The stored data is damaged: restore it, or reset the group beyond this offset.',
  },
  SLUICE_OFFSET_OUT_OF_RANGE: {
    domain: 'user',
    retry: 'never',
    message: '{topic}-{partition}: offset {offset} is outside the log [{start}, {end}]',
    fix: 'Records were deleted before they were read: reset the group to earliest or latest.',
  },
  SLUICE_MEMBER_FENCED: {
    domain: 'internal',
    retry: 'rejoin',
    message: 'member {memberId} of group {group} was replaced (epoch {epoch}): {problem}',
    fix: 'Nothing to do: the worker drops its uncommitted work and joins again.',
  },
  SLUICE_PRODUCER_FENCED: {
    domain: 'internal',
    retry: 'rejoin',
    message: 'producer "{transactionalId}" was replaced by a newer one (epoch {epoch})',
    fix: 'Nothing to do unless two processes share a transactional id: give each its own state folder.',
  },
  SLUICE_TXN_STATE: {
    domain: 'internal',
    retry: 'rejoin',
    message: 'producer "{transactionalId}": {operation} is not possible now: {problem}',
    fix: 'The transaction is aborted and its records are processed again.',
  },
  SLUICE_TXN_OUTCOME_UNKNOWN: {
    domain: 'external',
    retry: 'rejoin',
    message: 'producer "{transactionalId}": no answer to the commit; it may or may not have happened',
    fix: 'Nothing to do: the outcome is resolved by initialising the producer again.',
  },
  SLUICE_OUT_OF_SEQUENCE: {
    domain: 'internal',
    retry: 'rejoin',
    message: '{topic}-{partition}: producer {producerId} sent sequence {sequence}, expected {expected}',
    fix: 'The transaction is aborted and its records are processed again.',
  },
  SLUICE_BROKER_UNAVAILABLE: {
    domain: 'external',
    retry: 'retry',
    message: '{operation}: no answer from the broker: {problem}',
    fix: 'Check that the broker runs and can be reached; the call is repeated.',
  },
  SLUICE_KAFKA_AUTHENTICATION: {
    domain: 'user',
    retry: 'never',
    message: '{broker}: Kafka does not accept the login by {mechanism}: {problem}',
    fix: 'Correct mechanism, user name, password or token; nothing is tried again with the same ones.',
  },
  SLUICE_KAFKA_TLS: {
    domain: 'user',
    retry: 'never',
    message: '{broker}: no TLS connection: {problem}',
    fix: '{remedy}',
  },
  SLUICE_KAFKA_MALFORMED: {
    domain: 'external',
    retry: 'never',
    message: '{broker}: the answer to {operation} is not one of Kafka: {problem}',
    fix: 'Check that the address is a listener of Kafka for clients, and whether it wants TLS.',
  },
  SLUICE_KAFKA_DENIED: {
    domain: 'user',
    retry: 'never',
    message: '{operation}: this login has not the right: {name} ({error}){problem}',
    fix: 'Give the principal the missing right with an ACL (kafka-acls --add …), or use another login.',
  },
  SLUICE_KAFKA_REFUSED: {
    domain: 'external',
    retry: 'never',
    message: '{operation}: Kafka refused with {name} ({error}){problem}',
    fix: 'The name of the error says what Kafka does not accept; its own log may say more.',
  },
  SLUICE_CLOSED: {
    domain: 'internal',
    retry: 'never',
    message: '{what} is closed',
    fix: 'Do not use it after close.',
  },
  SLUICE_SERVER_UNREACHABLE: {
    domain: 'external',
    retry: 'retry',
    message: '{url}: {problem}',
    fix: 'Check the address, that the application runs with serverPort, and SLUICE_SERVER_TOKEN where it wants one.',
  },
  SLUICE_UNSUPPORTED: {
    domain: 'user',
    retry: 'never',
    message: '{what} is not supported here: {problem}',
    fix: '{remedy}',
  },
  SLUICE_ENRICH_TIMEOUT: {
    domain: 'external',
    retry: 'retry',
    message: '{node}: no answer within {limit} ms ({scope})',
    fix: 'Raise the timeout, or look at the service; the record follows the fallback.',
  },
  SLUICE_ENRICH_FAILED: {
    domain: 'external',
    retry: 'retry',
    message: '{node}: call failed after {attempts} attempt(s): {problem}',
    fix: 'Look at the service; redrive the dead letter when it is well again.',
  },
  SLUICE_HTTP_STATUS: {
    domain: 'external',
    retry: 'retry',
    message: '{method} {url} answered {status}: {body}',
    fix: 'Look at the service or the request template.',
  },
  SLUICE_HTTP_BODY: {
    domain: 'external',
    retry: 'retry',
    message: '{method} {url} answered {status} with a body that is not valid JSON: {problem}',
    fix: "Look at the service, or read its answer with response: 'text'.",
  },
  SLUICE_SOURCE_FAILED: {
    domain: 'external',
    retry: 'retry',
    message: '{source}: cannot be read: {problem}',
    fix: 'Check that it is there and may be read; the source is opened again where it stopped.',
  },
  SLUICE_SOURCE_INPUT: {
    domain: 'user',
    retry: 'never',
    message: '{file}:{line}: expected {expected}, got {came}',
    fix: 'Correct the line; everything before it has been read.',
  },
  SLUICE_NODE_VERSION: {
    domain: 'user',
    retry: 'never',
    message: 'Sluice needs Node.js {wanted} or newer, this is {came}',
    fix: 'Install a newer Node.js: https://nodejs.org/en/download (with a version manager: nvm install 24).',
  },
  SLUICE_DEPENDENCY_MISSING: {
    domain: 'user',
    retry: 'never',
    message: '{what} needs the package "{package}", which is not installed',
    fix: 'npm install {package}',
  },
  SLUICE_SIMULATION: {
    domain: 'internal',
    retry: 'never',
    message: 'simulation {problem}\n{report}',
    fix: 'Run seed {seed} again: it replays exactly; what waits must wait on the ports of the simulation.',
  },
  SLUICE_INTERNAL: {
    domain: 'internal',
    retry: 'never',
    message: 'internal error in {place}: {problem}',
    fix: 'This is a bug in Sluice: please report it with this message.',
  },
} as const

export type ErrorCode = keyof typeof ERRORS

export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>

/** An error of the table. `details` are the filled-in values; `fix` says what to do. */
export class SluiceError extends Error {
  readonly code: ErrorCode
  readonly domain: ErrorDomain
  readonly retry: RetryHint
  readonly fix: string
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails, cause?: unknown) {
    const row: ErrorRow = ERRORS[code]
    super(fill(row.message, details), cause === undefined ? undefined : { cause })
    this.name = 'SluiceError'
    this.code = code
    this.domain = row.domain
    this.retry = row.retry
    this.fix = fill(row.fix, details)
    this.details = details
  }
}

/** Makes an error of the table. */
export function sluiceError(code: ErrorCode, details: ErrorDetails, cause?: unknown): SluiceError {
  return new SluiceError(code, details, cause)
}

/** True for an error of the table, of one of `codes` when given. */
export function isSluiceError(error: unknown, ...codes: readonly ErrorCode[]): error is SluiceError {
  return error instanceof SluiceError && (codes.length === 0 || codes.includes(error.code))
}

/** Anything thrown, as an Error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error })
}

/** The message of anything thrown. */
export function problemOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? ''))
}
