/** Command `sluice explain app.ts`: what an application will do, without doing it; and every option with its default. */
import { Command } from 'commander'
import { sluiceError } from '../core/errors.ts'
import { describe, mermaid } from '../engine/topology/describe.ts'
import { planFacts } from '../engine/topology/facts.ts'
import type { Plan } from '../engine/topology/plan.ts'
import { svg } from '../engine/topology/svg.ts'
import { loadApp } from './load-app.ts'

interface ExplainOptions {
  readonly mermaid: boolean
  readonly svg: boolean
  readonly against?: string
  readonly json: boolean
  readonly config: boolean
}

/** The command with its options. */
export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'Show what an application does: sub-topologies, state, internal topics, what a commit writes.',
    )
    .argument('[app]', 'module whose default export comes from defineApp(…)')
    .option('--mermaid', 'draw it as a Mermaid flow chart', false)
    .option('--svg', 'draw it as an SVG picture', false)
    .option(
      '--against <version>',
      'say what would change instead: a folder in which it ran, the address of a running one, `running`, or another file',
    )
    .option('--json', 'the facts as one JSON object', false)
    .option('--config', 'list every option with its default instead', false)
    .addHelpText(
      'after',
      '\nExamples:\n  sluice explain app.ts --svg > topology.svg\n  sluice explain app.ts --against data',
    )
    .action(explain)
}

async function explain(file: string | undefined, options: ExplainOptions): Promise<void> {
  if (options.config) {
    const { describeConfig } = await import('./describe-config.ts')
    return print(describeConfig())
  }
  if (file === undefined) {
    throw sluiceError('SLUICE_CONFIG_INVALID', {
      place: 'sluice explain',
      expected: 'a file, for instance sluice explain app.ts',
      came: 'none',
    })
  }
  const plan = (await loadApp(file)).plan()
  if (options.against !== undefined) {
    const { compareAgainst, describeComparison } = await import('./against.ts')
    const comparison = await compareAgainst(options.against, plan)
    // As a check in a pipeline: what would be refused at start fails here.
    if (comparison.refusal !== undefined) process.exitCode = 1
    return print(describeComparison(comparison, options.json))
  }
  if (options.svg) return print(svg(plan))
  if (options.mermaid) return print(mermaid(plan))
  if (options.json) return print(`${JSON.stringify(planFacts(plan), null, 2)}\n`)
  print(explanation(plan))
}

function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** The whole explanation for people. */
export function explanation(plan: Plan): string {
  return [
    `Application ${plan.application} (plan ${plan.hash})\n`,
    describe(plan).trimEnd(),
    '',
    ...storesPart(plan),
    ...internalTopicsPart(plan),
    ...callsPart(plan),
    ...commitPart(plan),
  ].join('\n')
}

function storesPart(plan: Plan): readonly string[] {
  const stores = plan.subtopologies.flatMap((part) => part.stores)
  if (stores.length === 0) return ['State: none', '']
  const lines = stores.map(({ name, kind, key, value, changelogTopic, ledgerOf, subtopology }) => {
    const what =
      ledgerOf === undefined ? `${kind}, ${key.format} to ${value.format}` : `ledger of ${ledgerOf}`
    const backup =
      changelogTopic === undefined ? 'no changelog: lost in a crash' : `changelog ${changelogTopic}`
    return `  ${name} (sub-topology ${subtopology}; ${what}; ${backup})`
  })
  return ['State (one per task, on local disk):', ...lines, '']
}

function internalTopicsPart(plan: Plan): readonly string[] {
  if (plan.internalTopics.length === 0) return ['Internal topics: none', '']
  const lines = plan.internalTopics.map(({ name, role, config }) => {
    const why =
      role === 'repartition'
        ? 'repartition: the key may have changed, so records travel to the task that owns it'
        : 'changelog: the copy of a store from which it is restored'
    const settings = Object.entries(config ?? {}).map(([key, value]) => `${key}=${value}`)
    return `  ${name}\n    ${why}${settings.length > 0 ? `\n    ${settings.join(', ')}` : ''}`
  })
  return ['Internal topics:', ...lines, '']
}

function callsPart(plan: Plan): readonly string[] {
  const asking = plan.subtopologies.flatMap(({ nodes }) => nodes.filter((node) => node.asynchronous === true))
  if (asking.length === 0) return []
  const names = asking.map(({ name }) => name).join(', ')
  return [
    `Calls to the outside: ${names}`,
    '  A commit never waits for a call. A record still waiting for its answer when a commit comes is written to the ledger,',
    '  in the transaction that commits its offset, and deleted in the one that writes its result. After a crash the calls in',
    '  the ledger are made again, with the same idempotency key and deadline; answers that came before a commit cost nothing.',
    ...asking.flatMap(({ name, advice = [] }) => [`  ${name}`, ...advice.map((line) => `    ${line}`)]),
    '',
  ]
}

function commitPart(plan: Plan): readonly string[] {
  const topics = (role: string): string =>
    plan.internalTopics
      .filter((topic) => topic.role === role)
      .map(({ name }) => name)
      .join(', ')
  const parts = [
    ['results', plan.sinkTopics.join(', ')],
    ['repartitioned records', topics('repartition')],
    ['changed state and pending calls', topics('changelog')],
    ['refused records', `${plan.application}-dead-letters`],
    ['positions', `offsets of group ${plan.application} on ${sourcesOf(plan).join(', ')}`],
  ] as const
  return [
    'One commit (exactly-once, every 100 ms) writes in one transaction:',
    ...parts.filter(([, where]) => where !== '').map(([what, where]) => `  ${what}: ${where}`),
    'and after it the local state, which is therefore never ahead of the topics.',
    '',
  ]
}

function sourcesOf(plan: Plan): readonly string[] {
  return [...new Set(plan.subtopologies.flatMap(({ sourceTopics }) => sourceTopics))]
}
