/** Every option of everything with its default, out of the specs themselves: `sluice explain --config`. */
import { sqliteSourceSpec } from '../connectors/sqlite/source.ts'
import { enrichSpec } from '../enrich/enrichment.ts'
import { sourceSpec } from '../enrich/policy.ts'
import { httpSpec } from '../enrich/sources/http.ts'
import { settingsSpec } from './settings/spec.ts'

/** Markdown. */
export function describeConfig(): string {
  return [
    `# Settings of an application\n\n${settingsSpec.document()}\n`,
    `# enrich(sources, options)\n\n${enrichSpec.document()}\n`,
    `# Every source\n\n${sourceSpec.document()}\n`,
    `# http(url, options)\n\n${httpSpec.document()}\n`,
    `# sqliteSource(options)\n\n${sqliteSourceSpec.document()}\n`,
  ].join('\n')
}
