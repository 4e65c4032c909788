/** What a start says: what is read, what is written, what is kept and where. */
import { resolve } from 'node:path'
import type { Plan } from '../engine/topology/plan.ts'
import type { RunOptions } from './run-options.ts'
import type { Settings } from './settings/spec.ts'

export interface StartSummary {
  readonly people: string
  readonly json: object
}

/** Where it runs. */
export interface Whereabouts {
  readonly stateFolder: string
  readonly url: string | undefined
}

/** For people a few lines, for programs the same facts. */
export function describeStart(
  plan: Plan,
  options: RunOptions,
  settings: Settings,
  where: Whereabouts,
): StartSummary {
  const { folder, guarantee, commitInterval } = settings
  const stores = plan.subtopologies.flatMap((part) => part.stores).map(({ name }) => name)
  const facts: readonly (readonly [string, string])[] = [
    ['reads', plan.sourceTopics.join(', ')],
    ['writes', plan.sinkTopics.join(', ') || 'nothing'],
    ['input', options.input.map(({ topic, file }) => `${file} into ${topic}`).join(', ')],
    ['topics', topicsLine(settings)],
    ['state', stores.length === 0 ? 'none' : stateLine(stores, settings, where.stateFolder)],
    ['commits', `every ${commitInterval} ms, ${guarantee}`],
    ['server', where.url ?? ''],
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
      broker: settings.broker,
      folder: folder === undefined ? null : resolve(folder),
      stateFolder: where.stateFolder,
      guarantee,
      commitIntervalMs: commitInterval,
      url: where.url ?? null,
    },
  }
}

function topicsLine({ broker, folder }: Settings): string {
  if (broker !== 'embedded') return broker
  return folder === undefined ? 'in memory, gone at the end' : resolve(folder)
}

function stateLine(stores: readonly string[], { folder, state }: Settings, stateFolder: string): string {
  const thrownAway = folder === undefined && state === undefined
  return `${stores.join(', ')} (${thrownAway ? 'in memory' : stateFolder})`
}

function endsBy(options: RunOptions): string {
  if (options.untilDone) return 'when all input is processed'
  return options.for === undefined ? 'with Ctrl-C' : `after ${options.for / 1000} s`
}
