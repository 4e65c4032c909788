/**
 * Command `sluice reset`, and what `sluice dev --reset` does: an application forgets everything and reads its topics from the
 * beginning, or (`--store`) forgets single stores and goes on. Its own topics (changelogs, repartitions) and local state go; topics of
 * the user are never touched.
 */
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import type { Broker, CommittedOffset } from '../core/broker.ts'
import { sluiceError } from '../core/errors.ts'
import { changelogTopic } from '../engine/topology/names.ts'
import { groupTopology } from '../engine/topology/plan.ts'
import type { ManifestStore, Plan } from '../engine/topology/plan.ts'
import { jsonLine } from './columns.ts'
import { addPlaceFlags, withBroker } from './folder-broker.ts'
import type { PlaceFlags } from './folder-broker.ts'
import { forgetInManifest, keptManifest } from './kept-manifest.ts'
import { loadApp } from './load-app.ts'

interface ResetOptions extends PlaceFlags {
  readonly state?: string
  readonly store?: readonly string[]
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
    .option('--store <name...>', 'forget these stores only: they begin empty, positions stay')
    .option('--yes', 'do it: what is deleted cannot be brought back', false)
    .option('--json', 'for programs: JSON on stdout', false)
    .addHelpText(
      'after',
      '\nExample:\n  sluice reset app.ts --folder data --yes\n  sluice reset app.ts --folder data --store totals --yes',
    )
    .action(reset)
}

async function reset(file: string, { state, store, yes, json, ...place }: ResetOptions): Promise<void> {
  const plan = (await loadApp(file)).plan()
  if (!yes) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: `sluice reset ${file}`,
      expected:
        store === undefined
          ? `--yes, since state and positions of ${plan.application} will be gone; its results will be written again`
          : `--yes, since what ${store.join(', ')} of ${plan.application} holds will be gone`,
      came: 'no --yes',
    })
  }
  const { folder } = place
  const stateFolder = state ?? (folder === undefined ? undefined : join(resolve(folder), 'state'))
  const deleted = await withBroker(place, (broker) =>
    store === undefined ? resetApp(broker, plan, stateFolder) : resetStores(broker, plan, stateFolder, store),
  )
  const { application } = plan
  const done = store === undefined ? 'starts from the beginning' : `begins with ${store.join(', ')} empty`
  if (json)
    process.stdout.write(jsonLine({ event: 'reset', application, deleted, ...(store && { stores: store }) }))
  else process.stdout.write(`${application} ${done}; deleted: ${deleted.join(', ') || 'nothing'}\n`)
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
  await checkStopped(broker, application)
  const kept = stateFolder === undefined ? undefined : keptManifest(stateFolder, application)
  // By name, never by prefix: `shop-eu-…` belongs to another application than `shop`.
  const names = new Set([
    ...plan.internalTopics.map(({ name }) => name),
    ...(kept?.stores ?? []).flatMap((store) => ownChangelog(application, store)),
    ...(kept?.repartitions ?? []).map(({ topic }) => topic),
  ])
  const own = (await broker.admin.describeTopics([...names])).map(({ name }) => name)
  for (const topic of own) await broker.admin.deleteTopic(topic)
  await rewind(broker, plan)
  if (stateFolder !== undefined) rmSync(join(stateFolder, application), { recursive: true, force: true })
  return own.toSorted()
}

async function checkStopped({ admin }: Broker, application: string): Promise<void> {
  const running = await admin.describeGroup(application)
  if (running.length === 0) return
  throw sluiceError('SLUICE_CONFIG_INVALID', {
    place: `reset of ${application}`,
    expected: 'no instance that runs',
    came: `${running.length} of them`,
  })
}

/** Never a topic of the user's that is the changelog of a table. */
function ownChangelog(application: string, { name, changelog }: ManifestStore): readonly string[] {
  return changelog === changelogTopic(application, name) ? [changelog] : []
}

/**
 * Forgets single stores, of this version or of the one that ran last: their changelogs go, local copies with them at the next start,
 * and with the manifest's row what would keep a store of another type from starting. Positions stay.
 * @returns the topics deleted
 * @throws SLUICE_CONFIG_INVALID while instances run, SLUICE_STORE_UNKNOWN, SLUICE_TOPOLOGY for a store without a changelog of its own
 */
export async function resetStores(
  broker: Broker,
  plan: Plan,
  stateFolder: string | undefined,
  names: readonly string[],
): Promise<readonly string[]> {
  const { application } = plan
  await checkStopped(broker, application)
  const kept = stateFolder === undefined ? undefined : keptManifest(stateFolder, application)
  const known = new Map(
    [...plan.manifest.stores, ...(kept?.stores ?? [])].map((store) => [store.name, store]),
  )
  const changelogs = names.map((name) => changelogToForget(application, name, known))
  const own = (await broker.admin.describeTopics(changelogs)).map(({ name }) => name)
  for (const topic of own) await broker.admin.deleteTopic(topic)
  if (stateFolder !== undefined && kept !== undefined) forgetInManifest(stateFolder, kept, new Set(names))
  return own.toSorted()
}

function changelogToForget(
  application: string,
  name: string,
  known: ReadonlyMap<string, ManifestStore>,
): string {
  const store = known.get(name)
  if (store === undefined) {
    const stores = [...known.keys()].toSorted().join(', ') || 'none'
    throw sluiceError('SLUICE_STORE_UNKNOWN', { node: `reset of ${application}`, store: name, stores })
  }
  const [changelog] = ownChangelog(application, store)
  if (changelog !== undefined) return changelog
  throw sluiceError('SLUICE_TOPOLOGY', {
    node: `store "${name}"`,
    problem:
      store.changelog === undefined
        ? 'it has no changelog: what it holds is only here'
        : `its changelog is the topic ${store.changelog}, which is yours`,
    remedy: 'Reset the whole application, or give the store another name.',
  })
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
