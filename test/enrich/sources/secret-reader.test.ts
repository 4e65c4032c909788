/** Headers that refer to secrets, as the source sends them. */
import { describe, expect, it } from 'vitest'
import { isSluiceError, sluiceError } from '../../../src/core/errors.ts'
import type { HttpClient, HttpRequest } from '../../../src/core/http.ts'
import type { Secrets } from '../../../src/core/secrets.ts'
import { enrichment } from '../../../src/enrich/enrichment.ts'
import { http } from '../../../src/enrich/sources/http.ts'
import type { HttpOptions } from '../../../src/enrich/sources/http.ts'
import { testHost, ticketOf, turn, virtualClock } from '../virtual.ts'

function harness(
  headers: Record<string, string>,
  values: Map<string, string> | undefined,
  options: HttpOptions = {},
) {
  const sent: HttpRequest[] = []
  const client: HttpClient = {
    request(request) {
      sent.push(request)
      return Promise.resolve({ status: 200, headers: {}, body: Buffer.from('ok') })
    },
    close: () => Promise.resolve(),
  }
  const secrets: Secrets = {
    read(reference, place) {
      const text = values?.get(reference)
      if (text !== undefined) return text
      throw sluiceError('SLUICE_CONFIG_SECRET', { place, reference, problem: 'not there', remedy: 'Set it.' })
    },
  }
  const host = Object.assign(testHost(virtualClock(), client), values === undefined ? {} : { secrets })
  const open = () => enrichment(http('https://a.internal/{key}', { headers, ...options })).open(host)
  return { sent, host, open }
}

describe('a header that refers to a secret', () => {
  it('has its value, beside placeholders; braces in the value are no placeholders', async () => {
    const values = new Map([
      ['${env:TOKEN}', 'se{key}cret'],
      ['${file:/run/t:user}', 'ada'],
    ])
    const headers = { authorization: 'Bearer ${env:TOKEN}', 'x-who': '${file:/run/t:user}-{value.id}' }
    const { sent, host, open } = harness(headers, values)
    const operator = open()
    operator.admit(ticketOf(host.clock, 0, 'k', { id: 7 }))
    await turn()
    expect(sent[0]!.headers).toMatchObject({ authorization: 'Bearer se{key}cret', 'x-who': 'ada-7' })
    operator.close()
  })

  it('stops the start when it is missing, by its reference', () => {
    const { open } = harness({ authorization: 'Bearer ${env:TOKEN}' }, new Map())
    let thrown: unknown
    try {
      open()
    } catch (error) {
      thrown = error
    }
    expect(isSluiceError(thrown, 'SLUICE_CONFIG_SECRET')).toBe(true)
    expect(String(thrown)).toContain('${env:TOKEN}')
  })

  it('follows a rotated secret after ten seconds, and keeps the last one while it is away', async () => {
    const values = new Map([['${file:/t}', 'one']])
    const { sent, host, open } = harness({ token: '${file:/t}' }, values)
    const operator = open()
    const next = async (): Promise<string | undefined> => {
      operator.admit(ticketOf(host.clock, sent.length, `k${sent.length}`, {}))
      await turn()
      return sent.at(-1)!.headers['token']
    }
    values.set('${file:/t}', 'two')
    expect(await next()).toBe('one')
    await host.clock.advance(10_001)
    expect(await next()).toBe('two')
    values.clear()
    await host.clock.advance(10_001)
    expect(await next()).toBe('two')
    operator.close()
  })

  it('is no part of what answers are cached under', () => {
    const source = http('https://a.internal/{key}', { headers: { authorization: '${env:TOKEN}' } })
    const request = source.request({}, 'k', ticketOf(virtualClock(), 0, 'k', {}).record)
    expect(source.identity!(request!)).toBe('/k')
  })

  it('stands for itself where there are no secrets', async () => {
    const { sent, host, open } = harness({ authorization: 'Bearer ${env:TOKEN}' }, undefined)
    const operator = open()
    operator.admit(ticketOf(host.clock, 0, 'k', {}))
    await turn()
    expect(sent[0]!.headers['authorization']).toBe('Bearer ${env:TOKEN}')
    operator.close()
  })
})
