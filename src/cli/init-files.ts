/** The files of a new project. They are texts that a test installs, runs and type-checks as they are. */

export type TestRunner = 'node' | 'vitest'

export interface Project {
  readonly name: string
  readonly test: TestRunner
  /** What package.json asks for. */
  readonly sluice: string
}

/** Contents by path, in the order in which they are worth reading. */
export function projectFiles(project: Project): ReadonlyMap<string, string> {
  return new Map([
    ['app.ts', app(project)],
    ['app.test.ts', test(project)],
    ['data/ratings.jsonl', RATINGS],
    ['package.json', packageJson(project)],
    ['tsconfig.json', TSCONFIG],
    ['Dockerfile', dockerfile(project)],
    ['.dockerignore', 'node_modules\ndata/run\n'],
    ['.gitignore', 'node_modules\ndata/run\n'],
    ['README.md', readme(project)],
  ])
}

function app({ name }: Project): string {
  return `import { defineApp, json, string, topic } from 'sluice'

export type Rating = { product: string; stars: number }
export type Summary = { count: number; average: number }

export const ratings = topic('ratings', { key: string, value: json<Rating>() })
export const summaries = topic('summaries', { key: string, value: json<Summary>() })

/** Asked for every product: replace it by http('https://…/{key}') of 'sluice/enrich', or by a query of your own. */
async function lookUpCategory(_rating: Rating, product: string): Promise<string> {
  return product.startsWith('tea') ? 'drinks' : 'other'
}

export default defineApp('${name}', (flow) => {
  flow
    .stream(ratings)
    .selectKey((rating) => rating.product)
    .enrich({ category: lookUpCategory }, { deadline: '2s', fallback: { category: 'unknown' } })
    .filter((rating) => rating.category !== 'other')
    .groupByKey()
    .aggregate({
      name: 'per-product',
      init: () => ({ count: 0, total: 0 }),
      add: ({ count, total }, rating) => ({ count: count + 1, total: total + rating.stars }),
    })
    .toStream()
    .mapValues(({ count, total }) => ({ count, average: total / count }))
    .to(summaries)
})
`
}

function test({ test: runner }: Project): string {
  const equal = (came: string, wanted: string): string =>
    runner === 'node' ? `assert.deepEqual(${came}, ${wanted})` : `expect(${came}).toEqual(${wanted})`
  const imports =
    runner === 'node'
      ? "import assert from 'node:assert/strict'\nimport { test } from 'node:test'"
      : "import { expect, test } from 'vitest'"
  return `${imports}
import { createDriver } from 'sluice/testing'
import app, { ratings, summaries } from './app.ts'

test('ratings are summed up per product, without products of no interest', async () => {
  const driver = await createDriver(app.plan())
  driver.pipe(ratings, { key: 'r1', value: { product: 'tea-green', stars: 5 } })
  driver.pipe(ratings, { key: 'r2', value: { product: 'chair', stars: 1 } })
  driver.pipe(ratings, { key: 'r3', value: { product: 'tea-green', stars: 2 } })
  await driver.settle()
  const last = driver.read(summaries).at(-1)
  ${equal('[last?.key, last?.value]', "['tea-green', { count: 2, average: 3.5 }]")}
  ${equal('driver.deadLetters()', '[]')}
  driver.close()
})
`
}

const RATINGS = `{"key":"r1","value":{"product":"tea-green","stars":5}}
{"key":"r2","value":{"product":"chair","stars":1}}
{"key":"r3","value":{"product":"tea-black","stars":4}}
{"key":"r4","value":{"product":"tea-green","stars":2}}
`

function packageJson({ name, test: runner, sluice }: Project): string {
  const run = 'app.ts --folder data/run --input ratings=data/ratings.jsonl --print summaries'
  const content = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: '>=24.15' },
    scripts: {
      start: `sluice run ${run} --until-done`,
      dev: `sluice dev ${run}`,
      explain: 'sluice explain app.ts',
      test: runner === 'node' ? 'node --test' : 'vitest run',
      types: 'tsc',
    },
    dependencies: { sluice },
    devDependencies: {
      '@types/node': '^24.0.0',
      typescript: '^7.0.0',
      ...(runner === 'vitest' ? { vitest: '^5.0.0' } : {}),
    },
  }
  return `${JSON.stringify(content, undefined, 2)}\n`
}

const TSCONFIG = `${JSON.stringify(
  {
    compilerOptions: {
      target: 'esnext',
      module: 'nodenext',
      types: ['node'],
      strict: true,
      noEmit: true,
      noUncheckedIndexedAccess: true,
      allowImportingTsExtensions: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      skipLibCheck: true,
    },
    include: ['*.ts'],
  },
  undefined,
  2,
)}\n`

function dockerfile({ sluice }: Project): string {
  const local = sluice.startsWith('file:')
    ? '# package.json asks for a Sluice on this machine, which the image cannot see: name a version from a registry first.\n'
    : ''
  return `${local}FROM node:24-slim
WORKDIR /app
COPY package.json package-lock.json* ./
RUN npm install --omit=dev
COPY . .
# Topics and state; mount a volume to keep them. Made here, so that it belongs to the user who writes it.
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
# Not through npm, so that SIGTERM reaches the application and it commits before it ends.
CMD ["node_modules/.bin/sluice", "run", "app.ts", "--folder", "/data"]
`
}

function readme({ name, test: runner }: Project): string {
  return `# ${name}

A stream of ratings, enriched and summed up per product. Everything runs in this process: no broker to install.

    npm install
    npm start         # reads data/ratings.jsonl once and prints the summaries; topics and state stay in data/run
    npm run dev       # runs on: save app.ts, or append to data/ratings.jsonl, and watch
    npm test          # app.test.ts with ${runner === 'node' ? 'node:test' : 'vitest'}: no broker, a clock the test moves
    npm run types     # type-checks
    npm run explain   # what the application does, and what one commit writes

Look around (while nothing runs in data/run):

    npx sluice topics list --folder data/run
    npx sluice consume summaries --folder data/run
    npx sluice dlq list --folder data/run

Start over: delete data/run. In a container: \`docker build -t ${name} .\`
`
}
