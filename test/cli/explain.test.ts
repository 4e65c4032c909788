/** `sluice explain` says what the plan says, for people, for programs and as a drawing. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SETTING_NAMES } from '../../src/cli/settings/spec.ts'
import { makeProject } from './command.ts'
import type { Project } from './command.ts'

const app = `
import { defineApp, json, string, topic } from 'sluice'
const orders = topic('orders', { key: string, value: json<{ customer: string }>() })
export default defineApp('shop', (flow) => {
  const rated = flow.stream(orders).enrich({ rating: () => 1 }, { name: 'rate' })
  rated.to(topic('rated', { key: string, value: json() }))
  rated.groupBy((order) => order.customer).count({ name: 'per-customer' }).toStream()
    .to(topic('counts', { key: string, value: json() }))
})
`

let project: Project
beforeAll(() => {
  project = makeProject({ 'app.ts': app })
})
afterAll(() => project.remove())

describe('sluice explain', () => {
  it('shows sub-topologies, state, internal topics, the ledger and the commit', async () => {
    const { stdout, stderr, code } = await project.sluice('explain', 'app.ts')
    expect([stderr, code]).toEqual(['', 0])
    expect(stdout).toContain('Sub-topology: 0')
    expect(stdout).toContain('Sub-topology: 1')
    expect(stdout).toContain(
      'per-customer (sub-topology 1; timestamped, string to int64; changelog shop-per-customer-changelog)',
    )
    expect(stdout).toContain(
      'rate-ledger (sub-topology 0; ledger of rate; changelog shop-rate-ledger-changelog)',
    )
    expect(stdout).toContain('shop-per-customer-repartition\n    repartition: the key may have changed')
    expect(stdout).toContain('Calls to the outside: rate\n  A commit never waits for a call.')
    expect(stdout).toContain('positions: offsets of group shop on orders, shop-per-customer-repartition')
  })

  it('gives the same as JSON', async () => {
    const { stdout } = await project.sluice('explain', 'app.ts', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      application: 'shop',
      reads: ['orders'],
      writes: ['rated', 'counts'],
      subtopologies: [{ id: 0 }, { id: 1, stores: [{ name: 'per-customer' }] }],
    })
  })

  it('draws it', async () => {
    const { stdout } = await project.sluice('explain', 'app.ts', '--mermaid')
    expect(stdout).toMatch(/^flowchart LR\n/)
    expect(stdout).toContain('{{"rate"}}')
  })

  it('lists every setting with its default', async () => {
    const { stdout } = await project.sluice('explain', '--config')
    for (const name of SETTING_NAMES) expect(stdout).toContain(`\`${name}\``)
    expect(stdout).toContain('| `concurrency` |')
    expect(stdout).toContain('| `timeout` |')
  })

  it('wants a file, and says so', async () => {
    const { stderr, code } = await project.sluice('explain')
    expect(stderr).toContain('expected a file, for instance sluice explain app.ts')
    expect(code).toBe(1)
  })
})
