/** The live view on a terminal: draws at once what there is, gives the cursor back, and stays away where there is no terminal. */
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { defineApp, json, string, topic } from 'sluice'
import { idle, openRuntime } from 'sluice/embed'
import type { Runtime, Service } from 'sluice/embed'
import { openLiveView } from '../../../src/cli/view/live.ts'

const app = defineApp('viewed', (flow) => {
  flow
    .stream(topic('in', { key: string, value: json<string>() }))
    .filter((value) => value !== '')
    .to(topic('out', { key: string, value: json<string>() }))
})

function terminal(isTTY: boolean): NodeJS.WriteStream {
  return Object.assign(new PassThrough({ encoding: 'utf8' }), {
    isTTY,
    columns: 100,
  }) as unknown as NodeJS.WriteStream
}

async function running(): Promise<readonly [Runtime, Service]> {
  const runtime = await openRuntime()
  return [runtime, await runtime.start(app)]
}

async function writeBroken(runtime: Runtime): Promise<void> {
  const producer = runtime.connect().producer({})
  await producer.init()
  const buffer = producer.buffer()
  buffer.append(producer.target('in', 1), 'a', '"fine"', 1, [])
  buffer.append(producer.target('in', 1), 'b', 'broken', 2, [])
  await producer.send(buffer)
}

describe('the live view', () => {
  it('shows what was processed and refused, and gives the cursor back', async () => {
    const [runtime, service] = await running()
    const screen = terminal(true)
    const view = await openLiveView(service, runtime, screen)
    await writeBroken(runtime)
    await idle(runtime, service)
    await new Promise((resolve) => setTimeout(resolve, 600))
    await view!.close()
    const all = String(screen.read())
    const last = stripVTControlCharacters(all.slice(all.lastIndexOf('\u001B[H')))
    expect(last).toContain('viewed  ● running')
    expect(last).toMatch(/in +2/)
    expect(last).toMatch(/out +1 .* out/)
    expect(last).toContain('SLUICE_DESERIALIZE in-1@1')
    expect(all.endsWith('\u001B[?25h')).toBe(true)
    await runtime.close()
  })

  it('does nothing without a terminal', async () => {
    const [runtime, service] = await running()
    const screen = terminal(false)
    expect(await openLiveView(service, runtime, screen)).toBeUndefined()
    expect(screen.read()).toBe(null)
    await runtime.close()
  })
})
