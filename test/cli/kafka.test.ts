/** The same commands on a real Kafka: one flag tells where the topics are, one more how to log in. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noKafka, ownName, sharedKafka } from '../brokers/kafka/live/live.ts'
import type { LiveKafka } from '../brokers/kafka/live/live.ts'
import type { Ended, Project } from './command.ts'
import { makeProject } from './command.ts'

const name = ownName('shop')
const app = `
import { defineApp, json, string, topic } from 'sluice'
const orders = topic('${name}-orders', { key: string, value: json<{ customer: string; total: number }>() })
export default defineApp('${name}', (flow) => {
  flow.stream(orders)
    .mapValues((order) => { if (order.total > 100) throw new Error('too much'); return order })
    .groupBy((order) => order.customer)
    .aggregate<number>({ name: 'totals', init: () => 0, add: (sum, order) => sum + order.total })
    .toStream().to(topic('${name}-totals', { key: string, value: json<number>() }))
})
`
const order = (customer: string, total: number, timestamp?: number): string =>
  JSON.stringify({ value: { customer, total }, ...(timestamp === undefined ? {} : { timestamp }) })
/** Further ahead than a topic takes by default. */
const IN_2100 = 4_102_444_800_000

describe.skipIf(noKafka())('the command line on Kafka', () => {
  let kafka: LiveKafka
  let project: Project

  beforeAll(async () => {
    kafka = await sharedKafka()
    const orders = [order('a', 5), order('b', 7), order('a', 1), order('a', 1000), order('c', 2, IN_2100)]
    const [{ name: username, password }] = kafka.users
    project = makeProject({
      'app.ts': app,
      'orders.jsonl': orders.join('\n'),
      'security.yaml': `sasl:\n  mechanism: SCRAM-SHA-256\n  username: ${username}\n  password: \${file:password.txt}\n`,
      'wrong.yaml': `sasl: { mechanism: PLAIN, username: ${username}, password: not-it }\n`,
      'password.txt': `${password}\n`,
    })
  }, 60_000)
  afterAll(() => project.remove())

  const sluice = async (line: string, listener: 'plain' | 'sasl' = 'plain'): Promise<Ended> => {
    const address = `kafka://${kafka.listeners[listener].join(',')}`
    return project.sluice(...line.split(' '), '--broker', address)
  }
  const done = async (line: string, listener?: 'plain' | 'sasl'): Promise<string> => {
    const { code, stdout, stderr } = await sluice(line, listener)
    expect({ code, error: /error.*/s.exec(stderr)?.[0] }).toEqual({ code: 0, error: undefined })
    return stdout
  }
  const totals = async (): Promise<readonly unknown[]> => {
    const text = await done(`consume ${name}-totals --json`)
    const records = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Total]))
    return records.map(({ key, value }) => `${key}=${value}`).toSorted((a, b) => a.localeCompare(b))
  }

  it('creates a topic, fills it, runs an application, shows results and letters, and resets it', async () => {
    const anyTime = 'message.timestamp.after.max.ms=9223372036854775807'
    await done(`topics create ${name}-orders --partitions 2 --config ${anyTime}`)
    await done(`produce ${name}-orders orders.jsonl`)
    await done('run app.ts --folder data --until-done --log-level error')
    expect(await totals()).toEqual(['a=6', 'b=7'])
    const letters = await done(`dlq list --app ${name}`)
    expect(letters).toContain('SLUICE_PROCESSING')
    expect(letters).toContain('SLUICE_RECORD_REFUSED')
    expect(await done('groups')).toContain(name)
    expect(await done(`groups ${name}`)).toBe(`no instance of ${name} runs\n`)
    await done(`produce ${name}-orders --value {"customer":"b","total":3}`)
    expect(await done(`lag ${name}`)).toContain(`${name} is 1 offsets behind`)
    await done('run app.ts --folder data --until-done --log-level error')
    expect(await totals()).toEqual(['a=6', 'b=10', 'b=7'])
    expect(await done('reset app.ts --folder data --yes --json')).toContain('totals-changelog')
  }, 60_000)

  it('logs in with what the security file says, and tells a wrong password at once', async () => {
    const listed = await done('topics list --json --broker-security security.yaml', 'sasl')
    expect(listed).toContain('"topic"')
    const refused = await sluice('topics list --broker-security wrong.yaml', 'sasl')
    expect(refused.stderr).toContain('SLUICE_KAFKA_AUTHENTICATION')
    expect(refused.stderr).not.toContain('not-it')
  }, 30_000)
})

interface Total {
  readonly key: string
  readonly value: number
}
