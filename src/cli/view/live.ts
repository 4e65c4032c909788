/** The live view of `sluice run --view`: draws twice a second on a terminal, and does nothing where there is none. */
import type { Broker, Fetcher } from '../../core/broker.ts'
import type { Headers } from '../../core/record.ts'
import { samplesOf } from '../../server/observed.ts'
import { positionsOf } from '../follow.ts'
import type { Runtime } from '../runtime.ts'
import type { Service } from '../service.ts'
import { renderView } from './render.ts'
import { viewSample } from './sample.ts'
import type { ShownDeadLetter, ViewSample } from './sample.ts'

const DRAW_EVERY_MS = 500

/** Rates are counted over this many pictures: 2 s. */
const RATE_OVER = 4

const SHOWN_LETTERS = 5

export interface LiveView {
  /** Draws once more and gives the terminal back. */
  close(): Promise<void>
}

/** @returns undefined without a terminal */
export async function openLiveView(
  app: Service,
  runtime: Runtime,
  terminal: NodeJS.WriteStream,
  deadLetterTopic?: string,
): Promise<LiveView | undefined> {
  if (!terminal.isTTY) return undefined
  const look = await openLook(app, runtime, deadLetterTopic)
  const seen: ViewSample[] = []
  const draw = (): void => {
    seen.push(look.sample())
    if (seen.length > RATE_OVER + 1) seen.shift()
    const text = renderView(seen.at(-1)!, seen.length > 1 ? seen[0] : undefined, terminal.columns || 80)
    // Home, the picture with the rest of each old line erased, then everything below it erased.
    terminal.write(`\u001B[H${text.replaceAll('\n', '\u001B[K\n')}\u001B[J`)
  }
  terminal.write('\u001B[2J\u001B[?25l')
  const timer = setInterval(draw, DRAW_EVERY_MS)
  return {
    async close() {
      clearInterval(timer)
      draw()
      terminal.write('\u001B[?25h')
      await look.close()
    },
  }
}

/** Takes samples of one application. */
export interface Look {
  sample(): ViewSample
  close(): Promise<void>
}

/** Follows the dead letters from now on; everything else is read when a sample is taken. */
export async function openLook(app: Service, runtime: Runtime, deadLetterTopic?: string): Promise<Look> {
  const topic = deadLetterTopic ?? `${app.plan.application}-dead-letters`
  const broker = runtime.connect()
  const fetcher = await followLetters(broker, topic)
  let letters: readonly ShownDeadLetter[] = []
  return {
    sample() {
      letters = [...newLetters(fetcher), ...letters].slice(0, SHOWN_LETTERS)
      return viewSample(samplesOf({ app, metrics: runtime.ports.metrics }), {
        application: app.plan.application,
        state: app.state,
        tasks: app.tasks.length,
        at: runtime.ports.clock.monotonic(),
        latestDeadLetters: letters,
      })
    },
    async close() {
      fetcher.close()
      await broker.close()
    },
  }
}

async function followLetters(broker: Broker, topic: string): Promise<Fetcher> {
  const ends = await positionsOf(broker, topic)
  const fetcher = broker.fetcher({ isolation: 'read_committed' })
  ends.forEach((offset, partition) => fetcher.add(topic, partition, offset))
  return fetcher
}

/** The latest first. */
function newLetters(fetcher: Fetcher): readonly ShownDeadLetter[] {
  const found: ShownDeadLetter[] = []
  for (const batch of fetcher.take()) {
    if (batch.kind === 'failed') continue
    for (let at = 0; at < batch.count; at++) found.unshift(shown(batch.headersAt(at)))
  }
  return found.slice(0, SHOWN_LETTERS)
}

function shown(headers: Headers): ShownDeadLetter {
  const text = (name: string): string => {
    const bytes = headers.findLast(({ key }) => key === name)?.value
    return bytes === null || bytes === undefined ? '?' : Buffer.from(bytes).toString('utf8')
  }
  const [topic, partition, offset] = ['topic', 'partition', 'offset'].map((part) =>
    text(`__streams.errors.${part}`),
  )
  return {
    place: `${topic}-${partition}@${offset}`,
    code: text('__streams.errors.exception'),
    message: text('__streams.errors.message'),
  }
}
