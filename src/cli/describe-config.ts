/** Every option of everything with its default, out of the specs themselves: `sluice explain --config`. */
import { sqliteSourceSpec } from '../connectors/sqlite/source.ts'
import { engineSettings } from '../engine/runtime/options.ts'
import { enrichSpec } from '../enrich/enrichment.ts'
import { sourceSpec } from '../enrich/policy.ts'
import { httpSpec } from '../enrich/sources/http.ts'

/** Markdown. */
export function describeConfig(): string {
  const { deadLetterTopic: _named, ...settings } = engineSettings('')
  const rows = Object.entries(settings).map(
    ([name, value]) => `| \`${name}\` | \`${JSON.stringify(value)}\` |`,
  )
  return [
    '# Settings of an application\n\n| setting | default |\n|---|---|',
    `${rows.join('\n')}\n| \`deadLetterTopic\` | \`"<application>-dead-letters"\` |\n`,
    `# enrich(sources, options)\n\n${enrichSpec.document()}\n`,
    `# Every source\n\n${sourceSpec.document()}\n`,
    `# http(url, options)\n\n${httpSpec.document()}\n`,
    `# sqliteSource(options)\n\n${sqliteSourceSpec.document()}\n`,
  ].join('\n')
}
