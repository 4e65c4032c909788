/** The states of an application: only what the table allows, told to whoever listens, hurt by nobody. */
import { describe, expect, it } from 'vitest'
import { SILENT } from '../../../src/core/log.ts'
import { APP_TRANSITIONS, AppLife, isOver } from '../../../src/engine/runtime/app-state.ts'
import type { AppState } from '../../../src/engine/runtime/app-state.ts'

const states = Object.keys(APP_TRANSITIONS) as readonly AppState[]

describe('the life of an application', () => {
  it('goes only where the table leads', () => {
    const walk = (path: readonly AppState[]): AppLife => {
      const life = new AppLife(SILENT)
      for (const state of path) life.to(state)
      return life
    }
    const ways: Readonly<Record<AppState, readonly AppState[]>> = {
      starting: [],
      running: ['running'],
      rebalancing: ['running', 'rebalancing'],
      closing: ['closing'],
      closed: ['closing', 'closed'],
      failed: ['failed'],
    }
    for (const from of states) {
      for (const next of states) {
        const life = walk(ways[from])
        expect(life.state).toBe(from)
        let refused = false
        try {
          life.to(next)
        } catch {
          refused = true
        }
        expect({ from, next, refused }).toEqual({
          from,
          next,
          refused: !APP_TRANSITIONS[from].includes(next),
        })
        expect(life.state).toBe(refused ? from : next)
      }
    }
  })

  it('ends closed or failed, and from everywhere', () => {
    expect(states.filter(isOver)).toEqual(['closed', 'failed'])
    const stuck = states.filter((state) => !isOver(state) && !APP_TRANSITIONS[state].includes('failed'))
    expect(stuck).toEqual([])
  })

  it('is told to listeners until they stop or throw', () => {
    const logged: string[] = []
    const life = new AppLife({ ...SILENT, error: (_, message) => logged.push(message) })
    const [first, second]: [string[], string[]] = [[], []]
    const stop = life.onState((state, previous) => first.push(`${previous}>${state}`))
    life.onState(() => {
      throw new Error('no')
    })
    life.onState((state, previous) => second.push(`${previous}>${state}`))
    life.to('running')
    stop()
    life.to('closing')
    expect(first).toEqual(['starting>running'])
    expect(second).toEqual(['starting>running', 'running>closing'])
    expect(logged).toEqual(['a listener of onState threw and was removed: no'])
  })
})
