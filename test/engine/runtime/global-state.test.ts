/** Global tables in running instances: whole before the first record, in every instance, kept up to date, whatever the partitions. */
import { afterEach, describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { Bench, refused } from './bench-app.ts'

const events = topic('events', { key: string, value: json<string>() })
const names = topic('names', { key: string, value: json<string>() })
const out = topic('out', { key: string, value: json<string>() })

const SIZE = 3_000

const app = defineApp('naming', (flow) => {
  flow
    .stream(events)
    .leftJoinGlobal(
      flow.globalTable(names),
      { key: (wanted) => wanted },
      (wanted, name) => `${wanted} ${name}`,
    )
    .to(out)
})

let bench: Bench | undefined

afterEach(async () => {
  await bench?.close()
  bench = undefined
})

async function open(): Promise<Bench> {
  bench = await Bench.open()
  await bench.topics(4, 'events', 'out')
  await bench.topics(3, 'names')
  return bench
}

const text = (value: string): string => JSON.stringify(value)

describe('a global table', () => {
  it('is whole in every instance before the first record, over other partitions than the stream has', async () => {
    const b = await open()
    const known = Array.from({ length: SIZE }, (_, at) => [`n${at}`, text(`name ${at}`)] as const)
    await b.write('names', known)
    const wanted = Array.from({ length: 200 }, (_, at) => (at * 37) % SIZE)
    await b.write(
      'events',
      wanted.map((at, index) => [`k${index}`, text(`n${at}`)] as const),
    )
    await Promise.all([b.start(app, { state: 'a' }), b.start(app, { state: 'b' })])
    const came = (await b.visible('out', wanted.length)).map(({ value }) => value)
    expect(came).toHaveLength(wanted.length)
    expect(new Set(came)).toEqual(new Set(wanted.map((at) => text(`n${at} name ${at}`))))
  })

  it('follows its topic while the instance runs, and comes back after a restart', async () => {
    const b = await open()
    const first = await b.start(app)
    let written = 0
    const ask = async (): Promise<string | null> => {
      await b.write('events', [['k', text('n1')]])
      return (await b.visible('out', ++written)).at(-1)!.value
    }
    const becomes = async (answer: string): Promise<void> => {
      while ((await ask()) !== text(`n1 ${answer}`)) expect(written).toBeLessThan(500)
    }
    await becomes('null')
    await b.write('names', [['n1', text('one')]])
    await becomes('one')
    await b.write('names', [['n1', text('uno')]])
    await becomes('uno')
    await first.close()
    await b.start(app)
    expect(await ask()).toBe(text('n1 uno'))
  })

  it('whose topic is missing stops the start', async () => {
    bench = await Bench.open()
    await bench.topics(1, 'events', 'out')
    const error = await refused(bench.start(app), 'SLUICE_TOPIC_MISSING')
    expect(error.message).toContain('names')
  })

  it('that cannot be read stops the instance by policy `fail`, and says where', async () => {
    const b = await open()
    await b.write('names', [['n1', '{']])
    const running = await b.start(app, { settings: { onDeserializeError: 'fail' } })
    const error = await refused(running.ended, 'SLUICE_DESERIALIZE')
    expect(error.message).toMatch(/names/)
  })

  it('leaves out what cannot be read by policy `dead-letter`, with a warning', async () => {
    const b = await open()
    await b.write('names', [
      ['n1', text('one')],
      ['n1', '{'],
    ])
    await b.write('events', [['k', text('n1')]])
    await b.start(app)
    expect((await b.visible('out', 1))[0]!.value).toBe(text('n1 one'))
    expect(b.logged.map(({ message }) => message).join()).toContain('left out of a global table')
  })
})
