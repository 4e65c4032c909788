import { afterEach, describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from '../../../src/index.ts'
import { Bench } from './bench-app.ts'

const texts = { key: string, value: json<string>() }
const input = topic('in', texts)
const output = topic('out', texts)

let bench: Bench | undefined

afterEach(async () => {
  await bench?.close()
  bench = undefined
})

async function open(): Promise<Bench> {
  bench = await Bench.open()
  await bench.topics(3, 'in', 'out', 'in-de', 'in-at', 'other')
  return bench
}

describe('an application on a broker', () => {
  it('reads every topic that matches a pattern, those of its own left out', async () => {
    const b = await open()
    const app = defineApp('in-app', (flow) => {
      const all = flow.stream(/in-.*/, texts)
      all.groupByKey().count({ name: 'n' })
      all.to(output)
    })
    await b.start(app)
    await b.write('in-de', [['a', '"1"']])
    await b.write('in-at', [['b', '"2"']])
    await b.write('in', [['c', '"3"']])
    await b.visible('out', 2)
    const seen = await b.read('out')
    expect(seen.map(({ key }) => String(key)).toSorted()).toEqual(['a', 'b'])
  })

  it('writes to topics and partitions chosen per record', async () => {
    const b = await open()
    const app = defineApp('choosing', (flow) => {
      flow
        .stream(input)
        .to((value) => value, { ...texts, partitioner: (_, key) => (key === 'all' ? [0, 1, 2] : 2) })
    })
    await b.start(app)
    await b.write('in', [
      ['all', '"out"'],
      ['one', '"other"'],
    ])
    await b.visible('out', 3)
    await b.visible('other', 1)
    const [out, other] = [await b.read('out'), await b.read('other')]
    expect(out.map(({ partition }) => partition).toSorted((a, b) => a - b)).toEqual([0, 1, 2])
    expect(other.map(({ key, partition }) => [key, partition])).toEqual([['one', 2]])
  })

  it('makes a dead letter of a record whose chosen topic is not there', async () => {
    const b = await open()
    const app = defineApp('choosing', (flow) => flow.stream(input).to((value) => value, texts))
    await b.start(app)
    await b.write('in', [
      ['a', '"nowhere"'],
      ['b', '"out"'],
    ])
    await b.visible('out', 1)
    expect((await b.read('choosing-dead-letters')).map(({ key }) => key)).toEqual(['a'])
  })
})
