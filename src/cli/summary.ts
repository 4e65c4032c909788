/** What a start says: what is read, what is written, what is kept and where. */
import { resolve } from 'node:path'
import type { Plan } from '../engine/topology/plan.ts'
import type { RunOptions } from './run-options.ts'

export interface StartSummary {
  readonly people: string
  readonly json: object
}

/** For people a few lines, for programs the same facts. */
export function describeStart(plan: Plan, options: RunOptions, stateFolder: string): StartSummary {
  const broker = options.folder === undefined ? 'in memory, gone at the end' : resolve(options.folder)
  const stores = plan.subtopologies.flatMap((part) => part.stores).map(({ name }) => name)
  const facts: readonly (readonly [string, string])[] = [
    ['reads', plan.sourceTopics.join(', ')],
    ['writes', plan.sinkTopics.join(', ') || 'nothing'],
    ['input', options.input.map(({ topic, file }) => `${file} into ${topic}`).join(', ')],
    ['topics', broker],
    ['state', stores.length === 0 ? 'none' : stateLine(stores, options, stateFolder)],
    ['commits', `every ${options.commitInterval} ms, ${options.guarantee}`],
    ['ends', endsBy(options)],
  ]
  const lines = facts.filter(([, text]) => text !== '').map(([name, text]) => `  ${name.padEnd(8)} ${text}\n`)
  return {
    people: `${plan.application} is running\n${lines.join('')}`,
    json: {
      application: plan.application,
      reads: plan.sourceTopics,
      writes: plan.sinkTopics,
      stores,
      folder: options.folder === undefined ? null : resolve(options.folder),
      stateFolder,
      guarantee: options.guarantee,
      commitIntervalMs: options.commitInterval,
    },
  }
}

function stateLine(stores: readonly string[], options: RunOptions, stateFolder: string): string {
  const thrownAway = options.folder === undefined && options.state === undefined
  return `${stores.join(', ')} (${thrownAway ? 'in memory' : stateFolder})`
}

function endsBy(options: RunOptions): string {
  if (options.untilDone) return 'when all input is processed'
  return options.for === undefined ? 'with Ctrl-C' : `after ${options.for / 1000} s`
}
