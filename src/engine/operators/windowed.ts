/** Windowed aggregations as nodes: one of the builders by the kind of window, over one store. */
import type { BuildProcessor } from '../../core/processor.ts'
import type { TopologyNode } from '../topology/node.ts'
import { buildSessions } from './session-aggregate.ts'
import { buildSliding } from './sliding-aggregate.ts'
import { buildStepped, buildUnlimited } from './window-aggregate.ts'
import type { WindowedBuild, WindowedParts } from './window-parts.ts'
import type { WindowSteps } from './window-steps.ts'
import type { Window } from './windows.ts'

export function windowedAggregate(
  { name, store, window, emit, cached, input }: WindowedParts,
  steps: WindowSteps,
): TopologyNode {
  const build = (emitted: WindowedBuild['emit']): BuildProcessor =>
    buildWindowed(window, { store: store.name, key: input.key, emit: emitted, cached, shared: false }, steps)
  return {
    name,
    kind: `${window.kind}-${steps.kind}`,
    parents: [input.parent],
    reads: steps.kind === 'count' ? 'key' : 'both',
    keeps: 'nothing',
    stores: [store],
    partitioned: [input],
    build: build(emit),
    buildSilent: build('nothing'),
  }
}

export function buildWindowed(window: Window, parts: WindowedBuild, steps: WindowSteps): BuildProcessor {
  switch (window.kind) {
    case 'tumbling':
    case 'hopping':
      return buildStepped(window, parts, steps)
    case 'sliding':
      return buildSliding(window, parts, steps)
    case 'session':
      return buildSessions(window, parts, steps)
    case 'unlimited':
      return buildUnlimited(window, parts, steps)
  }
}
