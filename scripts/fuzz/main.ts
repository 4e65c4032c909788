/**
 * A million damaged inputs through everything that reads bytes of a broker: messages, streams of frames, record batches. Each
 * is read or refused, in bounded time and memory, and nothing else happens.
 * `npm run fuzz:protocol -- [--inputs n] [--seed s]`
 */
import { parseArgs } from 'node:util'
import { seededRandom } from '../../src/testing/simulation/random.ts'
import { batchTarget, frameTarget, messageTarget } from './targets.ts'
import type { Target } from './targets.ts'

/** CPU time of this thread, which a busy machine does not stretch. Far beyond a pause of the collector: this finds loops. */
const SLOW_MS = 500

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
})
const random = seededRandom(values.seed)
const targets: readonly Target[] = [await messageTarget(), frameTarget(), batchTarget()]
const counts = targets.map(({ name }) => ({ name, read: 0, refused: 0, slowestMs: 0 }))

for (let input = 0; input < Number(values.inputs); input++) {
  const at = input % targets.length
  const damaged = targets[at]!.damaged(random)
  const start = cpuMs()
  try {
    if (targets[at]!.isRead(damaged, random)) counts[at]!.read++
    else counts[at]!.refused++
  } catch (error) {
    throw new Error(
      `seed ${values.seed}, input ${input} (${targets[at]!.name}): ${damaged.bytes.toString('hex')}`,
      { cause: error },
    )
  }
  counts[at]!.slowestMs = Math.max(counts[at]!.slowestMs, Math.ceil(cpuMs() - start))
}

console.table(counts)
console.log(`seed ${values.seed}, ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`)
const slow = counts.find(({ slowestMs }) => slowestMs > SLOW_MS)
if (slow !== undefined) throw new Error(`one of ${slow.name} took ${slow.slowestMs} ms`)
