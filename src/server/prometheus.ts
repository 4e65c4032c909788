/**
 * Samples in Prometheus' text format, version 0.0.4. Written here because the registry of Sluice is one that is read, not one that
 * is pushed to: a client library would be a second registry to be kept equal with it at every scrape.
 */
import type { Sample } from '../core/metrics.ts'
import { exposedName, METRICS } from './metric-names.ts'

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** @param common labels added to every sample */
export function prometheusText(samples: readonly Sample[], common: Sample['labels']): string {
  const families = Map.groupBy(samples, ({ name }) => familyOf(name))
  return [...families].map(([family, members]) => describeFamily(family, members, common)).join('')
}

/** `commit-latency-ms-count` and `-sum` belong to the summary `commit-latency-ms`. */
function familyOf(name: string): string {
  const base = name.replace(/-(?:count|sum)$/, '')
  return METRICS[base]?.type === 'summary' ? base : name
}

function describeFamily(family: string, samples: readonly Sample[], common: Sample['labels']): string {
  const { type, help } = METRICS[family] ?? { type: 'untyped', help: 'Made by the application.' }
  const exposed = exposedName(family)
  const lines = samples.map(
    ({ name, labels, value }) =>
      `${exposedName(name)}{${labelText({ ...common, ...labels })}} ${number(value)}`,
  )
  return `# HELP ${exposed} ${help}\n# TYPE ${exposed} ${type}\n${lines.join('\n')}\n`
}

function labelText(labels: Sample['labels']): string {
  return Object.entries(labels)
    .map(([name, text]) => `${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}="${escape(text)}"`)
    .join(',')
}

function escape(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}
