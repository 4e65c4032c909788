/** The topic configs a log obeys, parsed once from Kafka's names. Unknown names are left alone: others read them. */
import { sluiceError } from '../../core/errors.ts'

export interface LogConfig {
  /** A segment is closed when the next batch would make it larger. Default 64 MiB. */
  readonly segmentBytes: number
  /** A segment with content is closed after this time. Default 7 days. */
  readonly segmentMs: number
  /** Infinity: for ever. Default 7 days. */
  readonly retentionMs: number
  /** Infinity: without limit, the default. */
  readonly retentionBytes: number
  /** `cleanup.policy` has `delete`, the default. */
  readonly deletes: boolean
  /** `cleanup.policy` has `compact`. */
  readonly compacts: boolean
  /** How long the tombstone of a key survives its first compaction. Default 1 day. */
  readonly deleteRetentionMs: number
  /** Compaction waits until this share of the closed bytes is new. Default 0.5. */
  readonly dirtyRatio: number
}

const DAY = 86_400_000

/** @throws SLUICE_CONFIG_INVALID */
export function logConfig(topic: string, config: Readonly<Record<string, string>>): LogConfig {
  const policies = (config['cleanup.policy'] ?? 'delete').split(',').map((policy) => policy.trim())
  const unknown = policies.find((policy) => policy !== 'delete' && policy !== 'compact')
  if (unknown !== undefined) throw invalid(topic, 'cleanup.policy', 'delete, compact or both', unknown)
  const read = (name: string, fallback: number, least: number): number => {
    const value = config[name] === undefined ? fallback : Number(config[name])
    if (value === -1 && name.startsWith('retention.')) return Infinity
    if (Number.isFinite(value) && value >= least) return value
    if (value === Infinity && config[name] === undefined) return value
    throw invalid(topic, name, `a number >= ${least}`, String(config[name]))
  }
  return {
    segmentBytes: read('segment.bytes', 64 * 1024 * 1024, 1),
    segmentMs: read('segment.ms', 7 * DAY, 1),
    retentionMs: read('retention.ms', 7 * DAY, 0),
    retentionBytes: read('retention.bytes', Infinity, 0),
    deletes: policies.includes('delete'),
    compacts: policies.includes('compact'),
    deleteRetentionMs: read('delete.retention.ms', DAY, 0),
    dirtyRatio: read('min.cleanable.dirty.ratio', 0.5, 0),
  }
}

function invalid(topic: string, name: string, expected: string, came: string): Error {
  return sluiceError('SLUICE_CONFIG_INVALID', { place: `topic "${topic}": ${name}`, expected, came })
}
