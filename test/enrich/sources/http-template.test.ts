/** Templates of requests: what is filled in, and what a record must not be able to do. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compileBody,
  compileHeader,
  compileText,
  compileUrl,
} from '../../../src/enrich/sources/http-template.ts'

const path = (url: string, value: unknown, key: unknown): string | undefined =>
  compileUrl(url, 'x').path(value, key)

describe('a URL template', () => {
  it('fills in key and fields, percent-encoded', () => {
    expect(path('http://h/{key}', 0, 'a/b?c#d e%')).toBe('/a%2Fb%3Fc%23d%20e%25')
    expect(path('http://h/u/{value.id}?x={value.a.b}', { id: 7, a: { b: true } }, 0)).toBe('/u/7?x=true')
    expect(path('http://h/{value}', 'v', 0)).toBe('/v')
    expect(path('http://h/?q={value.list}', { list: [1] }, 0)).toBe('/?q=%5B1%5D')
    expect(compileUrl('https://Host.example:8443/a', 'x').origin).toBe('https://host.example:8443')
    expect(path('http://h?a={key}', 0, 1)).toBe('/?a=1')
    expect(path('http://h', 0, 1)).toBe('/')
  })

  it('has nothing to ask when a value is missing, null or inherited', () => {
    expect(path('http://h/{value.id}', {}, 0)).toBeUndefined()
    expect(path('http://h/{value.id.deep}', { id: null }, 0)).toBeUndefined()
    expect(path('http://h/{value.id}', null, 0)).toBeUndefined()
    expect(path('http://h/{value.constructor}', {}, 0)).toBeUndefined()
    expect(path('http://h/{key}', 0, null)).toBeUndefined()
  })

  it('never lets a value leave its segment', () => {
    for (const key of ['..', '.']) {
      expect(() => path('http://h/users/{key}/orders', 0, key)).toThrow('would leave its folder')
    }
    expect(path('http://h/users/{key}/orders', 0, '../x')).toBe('/users/..%2Fx/orders')
    expect(() => path('http://h/users/{key}', 0, '..')).toThrow('would leave its folder')
    expect(path('http://h/users/{key}.json', 0, '..')).toBe('/users/...json')
    const anything = fc.string({ unit: 'grapheme' })
    fc.assert(
      fc.property(anything, anything, (key, id) => {
        fc.pre(key !== '.' && key !== '..')
        const filled = path('http://h/a/{key}/b?c={value.id}&d=1', { id }, key)!
        const url = new URL(filled, 'http://h')
        expect(url.pathname.split('/')).toHaveLength(4)
        expect([decodeURIComponent(url.pathname.split('/')[2]!), url.searchParams.get('c')]).toEqual([
          key,
          id,
        ])
        expect([...url.searchParams.keys()]).toEqual(['c', 'd'])
      }),
      { numRuns: 200 },
    )
  })

  it.each([
    'ftp://h/{key}',
    'h/{key}',
    'http://{key}/x',
    'http://{value.host}:80/',
    'http://h/{kee}',
    'http://h/{value..x}',
    'http://h/{}',
    'http://[/',
  ])('refuses %s', (url) => {
    expect(() => compileUrl(url, 'http profile')).toThrow(/^http profile: url: expected/)
  })
})

describe('headers', () => {
  it('are filled in, without line breaks', () => {
    const fill = compileHeader('Bearer {value.token}', 'x', (reference) => reference)
    expect(fill({ token: 'abc' }, 0)).toBe('Bearer abc')
    expect(() => fill({ token: 'a\r\nx: y' }, 0)).toThrow('control characters')
  })
})

describe('a body', () => {
  it('keeps types of whole placeholders and fills in parts of texts', () => {
    const fill = compileBody(
      { id: '{value.id}', all: ['{key}', 'k-{key}', 1, null], who: { n: '{value.none}' } },
      'x',
    )
    expect(fill({ id: 7 }, 'K')).toEqual({ id: 7, all: ['K', 'k-K', 1, null], who: { n: null } })
    expect(compileText('plain', (text) => text, 'x')(0, 0)).toBe('plain')
  })
})
