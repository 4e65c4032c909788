/** Mistakes in the file of an application, with what is told. */
import type { Mistake } from './commands.ts'

const HEAD = `import { defineApp, json, string, topic } from 'sluice'
import { http } from 'sluice/enrich'
const orders = topic('orders', { key: string, value: json<any>() })
const totals = topic('totals', { key: string, value: json<any>() })
`
const app = (body: string): string => `${HEAD}export default defineApp('shop', (flow) => {\n  ${body}\n})\n`
/** The application that is right. */
export const GOOD = app("flow.stream(orders).groupByKey().count({ name: 'per-key' }).toStream().to(totals)")

export const applicationMistakes: readonly Mistake[] = [
  {
    what: 'no default export',
    args: 'run {app} --for 50ms'.split(' '),
    app: 'export const app = 1',
    code: 'SLUICE_APP_LOAD',
    says: 'it has no default export',
    fix: 'must export the result of defineApp',
  },
  {
    what: 'another default export',
    args: 'explain {app}'.split(' '),
    app: 'export default 42',
    code: 'SLUICE_APP_LOAD',
    says: 'its default export is a number, not an application',
    fix: 'must export the result of defineApp',
  },
  {
    what: 'a syntax error',
    args: 'run {app} --for 50ms'.split(' '),
    app: 'const a: number = = 3',
    code: 'SLUICE_APP_LOAD',
    says: '.ts:1',
    fix: 'Correct the file',
  },
  {
    what: 'TypeScript that cannot be stripped',
    args: 'run {app} --for 50ms'.split(' '),
    app: 'enum Color { Red }',
    code: 'SLUICE_APP_LOAD',
    says: 'TypeScript enum is not supported',
    fix: 'Correct the file',
  },
  {
    what: 'an import that is not there',
    args: 'run {app} --for 50ms'.split(' '),
    app: "import './nowhere.ts'",
    code: 'SLUICE_APP_LOAD',
    says: "nowhere.ts' imported from",
    fix: 'Correct the file',
  },
  {
    what: 'a verb that does not exist',
    args: 'run {app} --for 50ms'.split(' '),
    app: app('flow.stream(orders).mapp((v: any) => v).to(totals)'),
    code: 'SLUICE_APP_LOAD',
    says: '.mapp is not a function',
    fix: 'Correct the file',
  },
  {
    what: 'a topic name with a slash',
    args: 'run {app} --for 50ms'.split(' '),
    app: HEAD + "export default topic('a/b', { key: string, value: string })",
    code: 'SLUICE_TOPIC_INVALID',
    says: 'topic "a/b": not a valid name',
    fix: 'Rename the topic',
  },
  {
    what: 'two stores of one name',
    args: 'run {app} --for 50ms'.split(' '),
    app: app("const g = flow.stream(orders).groupByKey(); g.count({ name: 'n' }); g.count({ name: 'n' })"),
    code: 'SLUICE_NAME_TAKEN',
    says: '"n" is defined twice',
    fix: 'option `name`',
  },
  {
    what: 'a misspelt option of an operator',
    args: 'run {app} --for 50ms'.split(' '),
    app: app('flow.stream(orders).enrich({ p: () => 1 }, { fallbak: {} } as never).to(totals)'),
    code: 'SLUICE_CONFIG_UNKNOWN',
    says: 'did you mean "fallback"?',
    fix: 'use one of: order, concurrency',
  },
  {
    what: 'a URL that is none',
    args: 'run {app} --for 50ms'.split(' '),
    app: app("flow.stream(orders).enrich({ p: http('profiles/{key}') }).to(totals)"),
    code: 'SLUICE_CONFIG_INVALID',
    says: 'http profiles/{key}: url: expected an http(s) URL',
    fix: 'Correct the value',
  },
  {
    what: 'a renamed store',
    args: 'run {app} --folder data --for 50ms'.split(' '),
    app: app("flow.stream(orders).groupByKey().count({ name: 'by-key' }).toStream().to(totals)"),
    code: 'SLUICE_STATE_INCOMPATIBLE',
    says: 'store "per-key" is gone; "by-key" is new',
    fix: "keep the old name with the option `name`: 'per-key'",
  },
  {
    what: 'an application without topics',
    args: 'run {app} --for 50ms'.split(' '),
    app: app(''),
    code: 'SLUICE_TOPOLOGY',
    says: 'topology: it reads no topic',
    fix: 'flow.stream(topic)',
  },
]
