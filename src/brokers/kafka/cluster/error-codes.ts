/**
 * Kafka's error codes: the name of each and what kind of failure it is. The only place that knows; whoever reads an error
 * code asks here what to do, and `failure` puts it in clear words.
 */
import { sluiceError } from '../../../core/errors.ts'
import type { SluiceError } from '../../../core/errors.ts'

/**
 * - `none`: no error.
 * - `retriable`: the same request may work a moment later.
 * - `metadata`: the same, with another leader: ask metadata first.
 * - `coordinator`: the same, with another coordinator: look it up first.
 * - `rebalance`: the group is rebalancing: join again.
 * - `fenced`: this member or producer was replaced; everything not committed is to be dropped.
 * - `abortable`: the transaction is to be aborted; the producer goes on.
 * - `denied`: the login or its rights.
 * - `fatal`: repeating gives the same.
 */
export type ErrorKind =
  | 'none'
  | 'retriable'
  | 'metadata'
  | 'coordinator'
  | 'rebalance'
  | 'fenced'
  | 'abortable'
  | 'denied'
  | 'fatal'

const CODES: ReadonlyMap<number, readonly [name: string, kind: ErrorKind]> = new Map([
  [-1, ['UNKNOWN_SERVER_ERROR', 'fatal']],
  [0, ['NONE', 'none']],
  [1, ['OFFSET_OUT_OF_RANGE', 'fatal']],
  [2, ['CORRUPT_MESSAGE', 'retriable']],
  [3, ['UNKNOWN_TOPIC_OR_PARTITION', 'metadata']],
  [4, ['INVALID_FETCH_SIZE', 'fatal']],
  [5, ['LEADER_NOT_AVAILABLE', 'metadata']],
  [6, ['NOT_LEADER_OR_FOLLOWER', 'metadata']],
  [7, ['REQUEST_TIMED_OUT', 'retriable']],
  [8, ['BROKER_NOT_AVAILABLE', 'retriable']],
  [9, ['REPLICA_NOT_AVAILABLE', 'metadata']],
  [10, ['MESSAGE_TOO_LARGE', 'fatal']],
  [11, ['STALE_CONTROLLER_EPOCH', 'fatal']],
  [12, ['OFFSET_METADATA_TOO_LARGE', 'fatal']],
  [13, ['NETWORK_EXCEPTION', 'metadata']],
  [14, ['COORDINATOR_LOAD_IN_PROGRESS', 'retriable']],
  [15, ['COORDINATOR_NOT_AVAILABLE', 'coordinator']],
  [16, ['NOT_COORDINATOR', 'coordinator']],
  [17, ['INVALID_TOPIC_EXCEPTION', 'fatal']],
  [18, ['RECORD_LIST_TOO_LARGE', 'fatal']],
  [19, ['NOT_ENOUGH_REPLICAS', 'retriable']],
  [20, ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'retriable']],
  [21, ['INVALID_REQUIRED_ACKS', 'fatal']],
  [22, ['ILLEGAL_GENERATION', 'fenced']],
  [23, ['INCONSISTENT_GROUP_PROTOCOL', 'fatal']],
  [24, ['INVALID_GROUP_ID', 'fatal']],
  [25, ['UNKNOWN_MEMBER_ID', 'fenced']],
  [26, ['INVALID_SESSION_TIMEOUT', 'fatal']],
  [27, ['REBALANCE_IN_PROGRESS', 'rebalance']],
  [28, ['INVALID_COMMIT_OFFSET_SIZE', 'fatal']],
  [29, ['TOPIC_AUTHORIZATION_FAILED', 'denied']],
  [30, ['GROUP_AUTHORIZATION_FAILED', 'denied']],
  [31, ['CLUSTER_AUTHORIZATION_FAILED', 'denied']],
  [32, ['INVALID_TIMESTAMP', 'fatal']],
  [33, ['UNSUPPORTED_SASL_MECHANISM', 'denied']],
  [34, ['ILLEGAL_SASL_STATE', 'denied']],
  [35, ['UNSUPPORTED_VERSION', 'fatal']],
  [36, ['TOPIC_ALREADY_EXISTS', 'fatal']],
  [37, ['INVALID_PARTITIONS', 'fatal']],
  [38, ['INVALID_REPLICATION_FACTOR', 'fatal']],
  [39, ['INVALID_REPLICA_ASSIGNMENT', 'fatal']],
  [40, ['INVALID_CONFIG', 'fatal']],
  [41, ['NOT_CONTROLLER', 'retriable']],
  [42, ['INVALID_REQUEST', 'fatal']],
  [43, ['UNSUPPORTED_FOR_MESSAGE_FORMAT', 'fatal']],
  [44, ['POLICY_VIOLATION', 'fatal']],
  [45, ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'fatal']],
  [46, ['DUPLICATE_SEQUENCE_NUMBER', 'fatal']],
  [47, ['INVALID_PRODUCER_EPOCH', 'fenced']],
  [48, ['INVALID_TXN_STATE', 'fatal']],
  [49, ['INVALID_PRODUCER_ID_MAPPING', 'fenced']],
  [50, ['INVALID_TRANSACTION_TIMEOUT', 'fatal']],
  [51, ['CONCURRENT_TRANSACTIONS', 'retriable']],
  [52, ['TRANSACTION_COORDINATOR_FENCED', 'fatal']],
  [53, ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'denied']],
  [54, ['SECURITY_DISABLED', 'fatal']],
  [55, ['OPERATION_NOT_ATTEMPTED', 'fatal']],
  [56, ['KAFKA_STORAGE_ERROR', 'metadata']],
  [57, ['LOG_DIR_NOT_FOUND', 'fatal']],
  [58, ['SASL_AUTHENTICATION_FAILED', 'denied']],
  [59, ['UNKNOWN_PRODUCER_ID', 'fatal']],
  [60, ['REASSIGNMENT_IN_PROGRESS', 'fatal']],
  [61, ['DELEGATION_TOKEN_AUTH_DISABLED', 'fatal']],
  [62, ['DELEGATION_TOKEN_NOT_FOUND', 'fatal']],
  [63, ['DELEGATION_TOKEN_OWNER_MISMATCH', 'fatal']],
  [64, ['DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', 'fatal']],
  [65, ['DELEGATION_TOKEN_AUTHORIZATION_FAILED', 'denied']],
  [66, ['DELEGATION_TOKEN_EXPIRED', 'fatal']],
  [67, ['INVALID_PRINCIPAL_TYPE', 'fatal']],
  [68, ['NON_EMPTY_GROUP', 'fatal']],
  [69, ['GROUP_ID_NOT_FOUND', 'fatal']],
  [70, ['FETCH_SESSION_ID_NOT_FOUND', 'retriable']],
  [71, ['INVALID_FETCH_SESSION_EPOCH', 'retriable']],
  [72, ['LISTENER_NOT_FOUND', 'metadata']],
  [73, ['TOPIC_DELETION_DISABLED', 'fatal']],
  [74, ['FENCED_LEADER_EPOCH', 'metadata']],
  [75, ['UNKNOWN_LEADER_EPOCH', 'metadata']],
  [76, ['UNSUPPORTED_COMPRESSION_TYPE', 'fatal']],
  [77, ['STALE_BROKER_EPOCH', 'fatal']],
  [78, ['OFFSET_NOT_AVAILABLE', 'retriable']],
  [79, ['MEMBER_ID_REQUIRED', 'fatal']],
  [80, ['PREFERRED_LEADER_NOT_AVAILABLE', 'metadata']],
  [81, ['GROUP_MAX_SIZE_REACHED', 'fatal']],
  [82, ['FENCED_INSTANCE_ID', 'fenced']],
  [83, ['ELIGIBLE_LEADERS_NOT_AVAILABLE', 'metadata']],
  [84, ['ELECTION_NOT_NEEDED', 'metadata']],
  [85, ['NO_REASSIGNMENT_IN_PROGRESS', 'fatal']],
  [86, ['GROUP_SUBSCRIBED_TO_TOPIC', 'fatal']],
  [87, ['INVALID_RECORD', 'fatal']],
  [88, ['UNSTABLE_OFFSET_COMMIT', 'retriable']],
  [89, ['THROTTLING_QUOTA_EXCEEDED', 'retriable']],
  [90, ['PRODUCER_FENCED', 'fenced']],
  [91, ['RESOURCE_NOT_FOUND', 'fatal']],
  [92, ['DUPLICATE_RESOURCE', 'fatal']],
  [93, ['UNACCEPTABLE_CREDENTIAL', 'fatal']],
  [94, ['INCONSISTENT_VOTER_SET', 'fatal']],
  [95, ['INVALID_UPDATE_VERSION', 'fatal']],
  [96, ['FEATURE_UPDATE_FAILED', 'fatal']],
  [97, ['PRINCIPAL_DESERIALIZATION_FAILURE', 'fatal']],
  [98, ['SNAPSHOT_NOT_FOUND', 'fatal']],
  [99, ['POSITION_OUT_OF_RANGE', 'fatal']],
  [100, ['UNKNOWN_TOPIC_ID', 'metadata']],
  [101, ['DUPLICATE_BROKER_REGISTRATION', 'fatal']],
  [102, ['BROKER_ID_NOT_REGISTERED', 'fatal']],
  [103, ['INCONSISTENT_TOPIC_ID', 'metadata']],
  [104, ['INCONSISTENT_CLUSTER_ID', 'fatal']],
  [105, ['TRANSACTIONAL_ID_NOT_FOUND', 'fatal']],
  [106, ['FETCH_SESSION_TOPIC_ID_ERROR', 'retriable']],
  [107, ['INELIGIBLE_REPLICA', 'fatal']],
  [108, ['NEW_LEADER_ELECTED', 'fatal']],
  [109, ['OFFSET_MOVED_TO_TIERED_STORAGE', 'fatal']],
  [110, ['FENCED_MEMBER_EPOCH', 'fenced']],
  [111, ['UNRELEASED_INSTANCE_ID', 'fatal']],
  [112, ['UNSUPPORTED_ASSIGNOR', 'fatal']],
  [113, ['STALE_MEMBER_EPOCH', 'fenced']],
  [114, ['MISMATCHED_ENDPOINT_TYPE', 'fatal']],
  [115, ['UNSUPPORTED_ENDPOINT_TYPE', 'fatal']],
  [116, ['UNKNOWN_CONTROLLER_ID', 'fatal']],
  [117, ['UNKNOWN_SUBSCRIPTION_ID', 'fatal']],
  [118, ['TELEMETRY_TOO_LARGE', 'fatal']],
  [119, ['INVALID_REGISTRATION', 'fatal']],
  [120, ['TRANSACTION_ABORTABLE', 'abortable']],
  [121, ['INVALID_RECORD_STATE', 'fatal']],
  [122, ['SHARE_SESSION_NOT_FOUND', 'retriable']],
  [123, ['INVALID_SHARE_SESSION_EPOCH', 'retriable']],
  [124, ['FENCED_STATE_EPOCH', 'fatal']],
  [125, ['INVALID_VOTER_KEY', 'fatal']],
  [126, ['DUPLICATE_VOTER', 'fatal']],
  [127, ['VOTER_NOT_FOUND', 'fatal']],
  [128, ['INVALID_REGULAR_EXPRESSION', 'fatal']],
  [129, ['REBOOTSTRAP_REQUIRED', 'fatal']],
  [130, ['STREAMS_INVALID_TOPOLOGY', 'fatal']],
  [131, ['STREAMS_INVALID_TOPOLOGY_EPOCH', 'fatal']],
  [132, ['STREAMS_TOPOLOGY_FENCED', 'fatal']],
  [133, ['SHARE_SESSION_LIMIT_REACHED', 'retriable']],
])

/** What kind of failure an error code is; `fatal` for codes that are not known. */
export function errorKind(code: number): ErrorKind {
  return CODES.get(code)?.[1] ?? 'fatal'
}

/** Kafka's name of an error code: NOT_LEADER_OR_FOLLOWER. */
export function errorName(code: number): string {
  return CODES.get(code)?.[0] ?? `UNKNOWN_ERROR_${code}`
}

/** True for a failure after which the same request may work, perhaps with another broker. */
export function isRetriable(code: number): boolean {
  const kind = errorKind(code)
  return kind === 'retriable' || kind === 'metadata' || kind === 'coordinator'
}

/**
 * An error code as an error of the table, for callers that have nothing better to say of it.
 * @param operation what was asked for, for the message: `CreateTopics of topic "orders"`
 * @param problem what the broker said of it, if anything
 */
export function failure(code: number, operation: string, problem?: string | null): SluiceError {
  const name = errorName(code)
  const said = problem === null || problem === undefined || problem === '' ? '' : `: ${problem}`
  if (isRetriable(code)) {
    return sluiceError('SLUICE_BROKER_UNAVAILABLE', {
      operation,
      problem: `${name} (${code})${said}`,
      sent: true,
    })
  }
  if (errorKind(code) === 'denied')
    return sluiceError('SLUICE_KAFKA_DENIED', { operation, name, error: code, problem: said })
  return sluiceError('SLUICE_KAFKA_REFUSED', { operation, name, error: code, problem: said })
}
