/** A case of the set `kafka-streams` as its README describes it, and how the files of a set are read. Knows no case by name. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Value } from './functions.ts'

export interface Step {
  readonly op: string
  readonly id?: string
  readonly from?: string
  readonly with?: string | readonly string[]
  readonly into?: string
  readonly topic?: string
  readonly topics?: readonly string[]
  readonly pattern?: string
  readonly valueType?: string
  readonly timestampExtractor?: string
  readonly topicFromValue?: string
  readonly fn?: string
  readonly key?: string
  readonly value?: string
  readonly predicate?: string
  readonly branches?: readonly {
    readonly predicate: string
    readonly id: string
    readonly as?: string
  }[]
  readonly default?: { readonly id: string; readonly as?: string }
  readonly joiner?: string
  readonly foreignKey?: string
  readonly reducer?: string
  readonly subtractor?: string
  readonly aggregator?: string
  readonly partitions?: number
  readonly name?: string
  readonly store?: string
  readonly stores?: readonly string[]
  readonly type?: string
  readonly caching?: boolean
  readonly logging?: boolean
  readonly retention?: number
  readonly versioned?: number
  readonly window?: unknown
  readonly emit?: string
  readonly until?: 'windowClose' | 'timeLimit'
  readonly maxRecords?: number
  readonly maxBytes?: number
  readonly whenFull?: string
  readonly grace?: number
  readonly processor?: string
  readonly n?: number
  readonly ms?: number
  readonly header?: string
  readonly headerValue?: string
  readonly clock?: 'stream' | 'wall'
  readonly interval?: number
  readonly cancelAfter?: number
  readonly clear?: boolean
  readonly ttl?: number
  readonly capacity?: number
  readonly historyRetention?: number
  readonly windowSize?: number
  readonly retainDuplicates?: boolean
}

export type CaseHeaders = readonly (readonly [name: string, value: string | null])[]

/** A record of an output; windowed keys are objects. */
export interface CaseOutput {
  readonly step: number
  readonly key: unknown
  readonly value: Value
  readonly ts: number
  readonly headers?: CaseHeaders
}

export type CaseInput =
  | {
      readonly topic: string
      readonly key: string | null
      readonly value: Value
      readonly ts: number
      readonly headers?: CaseHeaders
    }
  | { readonly advanceWallClock: number }

export interface GoldenTopic {
  readonly type: string
  readonly partitions?: number
  readonly config: Readonly<Record<string, string>>
}

/** A record of an internal topic, its key and value in hex. */
export interface InternalRecord {
  readonly step: number
  readonly key: string | null
  readonly value: string | null
  /** Null: as the producer's clock says. */
  readonly ts: number | null
  readonly headers?: CaseHeaders
}

export interface Golden {
  readonly error?: { readonly phase: 'build' | 'start' | 'run'; readonly step?: number }
  readonly outputs: Readonly<Record<string, readonly CaseOutput[]>>
  readonly describe?: string
  readonly internalTopics: Readonly<Record<string, GoldenTopic>>
  readonly copartition?: readonly (readonly string[])[]
  readonly internal?: Readonly<Record<string, readonly InternalRecord[]>>
  readonly droppedRecords: number
  readonly stores?: Readonly<Record<string, GoldenStore>>
}

/** What a store holds at the end, by key, start and end. */
export interface GoldenStore {
  readonly type: string
  readonly entries?: readonly {
    readonly key: unknown
    readonly value: Value
    readonly ts?: number
  }[]
}

export interface Case {
  readonly name: string
  readonly operators: readonly string[]
  readonly config: Readonly<Record<string, string | number>>
  readonly startWallClock?: number
  readonly loopedTopics?: unknown
  readonly referenceBug?: unknown
  readonly throttledClose?: unknown
  readonly topology: readonly Step[]
  readonly inputs: readonly CaseInput[]
  readonly golden: Golden
  readonly goldenInMemory?: Partial<Golden>
}

/** All cases of all files of a folder; files without cases (byte vectors) give none. @throws Error when a file has another format */
export function readCases(folder: string): readonly Case[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
  return files
    .toSorted((a, b) => a.localeCompare(b))
    .flatMap((file) => {
      const content = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
        readonly format?: number
        readonly scenarios?: readonly Case[]
      }
      if (content.scenarios !== undefined && content.format !== 1)
        throw new Error(`${join(folder, file)}: expected format 1, came ${content.format}`)
      return content.scenarios ?? []
    })
}
