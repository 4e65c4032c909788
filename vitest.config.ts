/** Vitest: how tests are found and run. The JSON results feed `.ci/run`, which prints the totals. */
import { defineConfig } from 'vitest/config'

const source = (path: string): string => new URL(`./src/${path}`, import.meta.url).pathname

export default defineConfig({
  resolve: {
    // Examples import the package by its public name; under test that name means the sources, not an older dist/.
    alias: [
      { find: /^sluice$/, replacement: source('index.ts') },
      { find: /^sluice\/embed$/, replacement: source('cli/embed.ts') },
      { find: /^sluice\/(enrich|testing|serdes)$/, replacement: source('$1/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    // One real Kafka for the tests that ask for it; it is not started unless one does.
    globalSetup: ['test/brokers/kafka/live/global-setup.ts'],
    reporters: ['default', 'json'],
    outputFile: { json: '.vitest/results.json' },
  },
})
