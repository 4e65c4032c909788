/**
 * A million damaged messages through every reader: each is read or refused, in bounded time and memory, and nothing else
 * happens. `npm run fuzz:protocol -- [--inputs n] [--seed s]`
 */
import { parseArgs } from 'node:util'
import { Malformed } from '../../src/brokers/kafka/protocol/malformed.ts'
import { Reader } from '../../src/brokers/kafka/protocol/reader.ts'
import { seededRandom } from '../../src/testing/simulation/random.ts'
import { hurt } from '../../test/brokers/kafka/vectors/hurt.ts'
import { loadCodecs, vectors } from '../../test/brokers/kafka/vectors/vectors.ts'

const SLOW_MS = 100

const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
})
const random = seededRandom(values.seed)
const codecs = await loadCodecs()
let read = 0
let refused = 0
let slowest = 0
for (let input = 0; input < Number(values.inputs); input++) {
  const { name, version, bytes } = vectors[Math.floor(random.next() * vectors.length)]!
  const damaged = hurt(bytes, random)
  const start = performance.now()
  try {
    codecs.get(name)!.read(new Reader(damaged), version)
    read++
  } catch (error) {
    if (!(error instanceof Malformed))
      throw new Error(`${name} version ${version}: ${damaged.toString('hex')}`, { cause: error })
    refused++
  }
  slowest = Math.max(slowest, performance.now() - start)
}
const memory = Math.round(process.memoryUsage().rss / 2 ** 20)
console.log(
  `seed ${values.seed}: ${read} read, ${refused} refused, slowest ${slowest.toFixed(1)} ms, ${memory} MiB`,
)
if (slowest > SLOW_MS) throw new Error(`a message took ${slowest} ms to read`)
