/** State that no longer fits stops the start with what changed and what to do; anything new is fine. */
import { expect, test } from 'vitest'
import { compile } from '../../../src/engine/topology/compile.ts'
import { compareManifest } from '../../../src/engine/topology/manifest.ts'
import type { TopologyNode } from '../../../src/engine/topology/node.ts'
import type { Manifest } from '../../../src/engine/topology/plan.ts'
import { count, document, kept, rekey, source, step, text } from './nodes.ts'

const manifest = (...nodes: readonly TopologyNode[]): Manifest =>
  compile('app', { nodes: [source('in'), ...nodes] }).manifest
const store = (name: string, more: Parameters<typeof kept>[1] = {}): TopologyNode =>
  step(name, ['in'], { stores: [kept(name, more)] })

test('the manifest survives JSON and does not depend on the order of nodes', () => {
  const one = manifest(store('a'), store('b'))
  expect(JSON.parse(JSON.stringify(one))).toEqual(manifest(store('b'), store('a')))
  expect(one.stores[0]).toEqual({
    name: 'a',
    kind: 'timestamped',
    key: 'string',
    value: 'json',
    changelog: 'app-a-changelog',
  })
})

test('the same and more is compatible', () => {
  expect(compareManifest(manifest(store('a')), manifest(store('a')))).toBeUndefined()
  expect(compareManifest(manifest(store('a')), manifest(store('z'), store('a')))).toBeUndefined()
})

test('a store that vanished, a renamed one and one of another type are told apart', () => {
  const gone = compareManifest(manifest(store('a'), store('b')), manifest(store('b')))
  expect(gone).toMatchObject({ code: 'SLUICE_STATE_INCOMPATIBLE' })
  expect(gone?.message).toContain('store "a" is gone (timestamped string → json, app-a-changelog)')
  const renamed = compareManifest(manifest(store('a'), store('b')), manifest(store('b'), store('c')))
  expect(renamed?.message).toContain('store "a" is gone; "c" is new and of the same type: renamed?')
  expect(renamed?.fix).toContain("keep the old name with the option `name`: 'a'")
  const retyped = compareManifest(manifest(store('a')), manifest(store('a', { value: text })))
  expect(retyped?.message).toContain(
    'store "a" changed type: timestamped string → json → timestamped string → string',
  )
  expect(compareManifest(manifest(store('a')), manifest(store('c', { value: text })))?.message).not.toContain(
    'renamed',
  )
})

test('a ledger that vanished is called what it is', () => {
  const ask = step('ask', ['in'], { asynchronous: true, ledger: { key: text, value: document } })
  expect(compareManifest(manifest(ask), manifest())?.message).toContain(
    'ledger (records waiting for an answer) "ask-ledger" is gone',
  )
})

test('a repartition topic that vanished or changed type is incompatible', () => {
  const by = rekey('by', 'in')
  const counted = manifest(by, count('n', 'by'))
  const without = manifest(by, step('n', ['by'], { stores: [kept('n')] }))
  expect(compareManifest(counted, without)?.message).toContain(
    'repartition topic "app-n-repartition" is gone',
  )
  const other = manifest(by, count('n', 'by', { value: text }))
  expect(compareManifest(counted, other)?.message).toContain(
    '"app-n-repartition" changed type: string → json to string → string',
  )
})
