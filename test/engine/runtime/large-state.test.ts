/** An aggregate that outgrows its changelog: its last record is a dead letter, and the application goes on with what was there. */
import { afterEach, describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { Bench } from './bench-app.ts'

const input = topic('in', { key: string, value: string })
const output = topic('out', { key: string, value: json<number>() })

const joined = defineApp('joined', (flow) => {
  flow
    .stream(input)
    .groupByKey()
    .reduce((all, text) => all + text, { name: 'all', emit: 'every' })
    .toStream()
    .mapValues((all) => all?.length ?? 0)
    .to(output)
})

let bench: Bench | undefined
afterEach(async () => {
  await bench?.close()
  bench = undefined
})

describe('an aggregate too large for its changelog', () => {
  it('costs a dead letter that names its record; other keys and later records of the key go on', async () => {
    bench = await Bench.open()
    await bench.topics(1, 'in', 'out')
    const app = await bench.start(joined)
    await bench.write('in', [['a', 'x'.repeat(600_000)]])
    await bench.visible('out', 1)
    await bench.write('in', [['a', 'y'.repeat(600_000)]])
    const [letter] = await bench.visible('joined-dead-letters', 1)
    expect(letter!.headers).toMatchObject({
      '__streams.errors.exception': 'SLUICE_RECORD_TOO_LARGE',
      '__streams.errors.topic': 'in',
      '__streams.errors.offset': '1',
      'sluice.errors.node': 'store all',
    })
    await bench.write('in', [
      ['b', 'z'],
      ['a', 'z'],
    ])
    const lengths = (await bench.visible('out', 4)).map(({ key, value }) => `${key} ${value}`)
    expect(lengths.slice(-2)).toEqual(['b 1', 'a 600001'])
    expect(app.state).toBe('running')
    expect(bench.logged.filter(({ message }) => message.includes('starts anew'))).toEqual([])
  })
})
