/**
 * Command `sluice reset`, and what `sluice dev --reset` does: an application forgets everything and reads its topics from the
 * beginning. Its own topics (changelogs, repartitions) and local state go; topics of the user are never touched.
 */
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import type { Broker, CommittedOffset } from '../core/broker.ts'
import { sluiceError } from '../core/errors.ts'
import { groupTopology } from '../engine/topology/plan.ts'
import type { Plan } from '../engine/topology/plan.ts'
import { jsonLine } from './columns.ts'
import { addPlaceFlags, withBroker } from './folder-broker.ts'
import type { PlaceFlags } from './folder-broker.ts'
import { keptManifest } from './kept-manifest.ts'
import { loadApp } from './load-app.ts'

interface ResetOptions extends PlaceFlags {
  readonly state?: string
  readonly yes: boolean
  readonly json: boolean
}

/** The command with its options. */
export function resetCommand(): Command {
  const command = new Command('reset')
    .description(
      'Make an application forget its state and positions: its next run reads all topics from the beginning.',
    )
    .argument('<app>', 'module whose default export comes from defineApp(…)')
  return addPlaceFlags(command)
    .option('--state <dir>', 'where local state lies (default: <folder>/state)')
    .option('--yes', 'do it: what is deleted cannot be brought back', false)
    .option('--json', 'for programs: JSON on stdout', false)
    .addHelpText('after', '\nExample:\n  sluice reset app.ts --folder data --yes')
    .action(reset)
}

async function reset(file: string, { state, yes, json, ...place }: ResetOptions): Promise<void> {
  const plan = (await loadApp(file)).plan()
  if (!yes) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `sluice reset ${file}`,
      expected: `--yes, since state and positions of ${plan.application} will be gone; its results will be written again`,
      came: 'no --yes',
    })
  }
  const { folder } = place
  const stateFolder = state ?? (folder === undefined ? undefined : join(resolve(folder), 'state'))
  const deleted = await withBroker(place, (broker) => resetApp(broker, plan, stateFolder))
  if (json) process.stdout.write(jsonLine({ event: 'reset', application: plan.application, deleted }))
  else
    process.stdout.write(
      `${plan.application} starts from the beginning; deleted: ${deleted.join(', ') || 'nothing'}\n`,
    )
}

/**
 * The application must not be running.
 * @param stateFolder absent: there is no local state here
 * @returns the topics deleted
 * @throws SLUICE_CONFIG_INVALID while instances run
 */
export async function resetApp(
  broker: Broker,
  plan: Plan,
  stateFolder: string | undefined,
): Promise<readonly string[]> {
  const { application } = plan
  const running = await broker.admin.describeGroup(application)
  if (running.length > 0) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `reset of ${application}`,
      expected: 'no instance that runs',
      came: `${running.length} of them`,
    })
  }
  const kept = stateFolder === undefined ? undefined : keptManifest(stateFolder, application)
  // By name, never by prefix: `shop-eu-…` belongs to another application than `shop`.
  const names = new Set([
    ...plan.internalTopics.map(({ name }) => name),
    ...(kept?.stores ?? []).flatMap(({ changelog }) => (changelog === undefined ? [] : [changelog])),
    ...(kept?.repartitions ?? []).map(({ topic }) => topic),
  ])
  const own = (await broker.admin.describeTopics([...names])).map(({ name }) => name)
  for (const topic of own) await broker.admin.deleteTopic(topic)
  await rewind(broker, plan)
  if (stateFolder !== undefined) rmSync(join(stateFolder, application), { recursive: true, force: true })
  return own.toSorted()
}

/** The port has no other way to move a group than to be its member. */
async function rewind(broker: Broker, plan: Plan): Promise<void> {
  const offsets: CommittedOffset[] = []
  for (const { name, partitions } of await broker.admin.describeTopics(plan.sourceTopics)) {
    for (let partition = 0; partition < partitions; partition++) {
      const offset = await broker.admin.listOffset(name, partition, 'earliest', 'read_committed')
      offsets.push({ topic: name, partition, offset, metadata: '' })
    }
  }
  if (offsets.length === 0) return
  const topology = groupTopology(plan)
  const member = await broker.join({ group: plan.application, topology, processId: 'reset' })
  await member.commit(offsets)
  await member.leave()
}
