import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import type { Assignment, AssignorMember } from '../../../src/brokers/assignment/assignor.ts'
import { assignTasks } from '../../../src/brokers/assignment/assignor.ts'
import type { TaskId } from '../../../src/core/record.ts'
import { taskName } from '../../../src/core/record.ts'

function tasksOf(counts: readonly number[]): TaskId[] {
  return counts.flatMap((count, subtopology) =>
    Array.from({ length: count }, (_, partition) => ({ subtopology, partition })),
  )
}

function member(id: string, active: readonly TaskId[] = [], state: readonly TaskId[] = []): AssignorMember {
  return { memberId: id, processId: `process-${id}`, active, state }
}

/** Members again, with what they were given. */
function after(members: readonly AssignorMember[], given: ReadonlyMap<string, Assignment>): AssignorMember[] {
  return members.map((m) => ({
    ...m,
    active: given.get(m.memberId)?.active ?? [],
    state: given.get(m.memberId)?.standby ?? [],
  }))
}

function moves(members: readonly AssignorMember[], given: ReadonlyMap<string, Assignment>): number {
  let moved = 0
  for (const m of members) {
    const has = new Set(given.get(m.memberId)!.active.map(taskName))
    moved += m.active.filter((task) => !has.has(taskName(task))).length
  }
  return moved
}

function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts)
}

function checkComplete(given: ReadonlyMap<string, Assignment>, tasks: readonly TaskId[]): void {
  const all = [...given.values()].flatMap(({ active }) => active.map(taskName))
  expect(all.toSorted()).toEqual(tasks.map(taskName).toSorted())
}

const scenario = fc.record({
  counts: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 4 }),
  size: fc.integer({ min: 1, max: 7 }),
})

/** Fewest moves of any balanced assignment, by trying all counts per member of one sub-topology. */
function fewestMoves(had: readonly number[], tasks: number): number {
  const floor = Math.floor(tasks / had.length)
  const extras = tasks % had.length
  const lost = had.map((count) => Math.max(0, count - floor))
  const saved = lost.filter((count) => count > 0).length
  return lost.reduce((a, b) => a + b, 0) - Math.min(saved, extras)
}

describe('assignTasks', () => {
  it('gives every task to exactly one member, balanced within one overall and per sub-topology', () => {
    fc.assert(
      fc.property(scenario, fc.infiniteStream(fc.nat()), ({ counts, size }, picks) => {
        const tasks = tasksOf(counts)
        const pick = picks[Symbol.iterator]()
        const had: TaskId[][] = Array.from({ length: size }, () => [])
        for (const task of tasks) {
          const owner = pick.next().value % (size + 1)
          if (owner < size) had[owner]!.push(task)
        }
        const given = assignTasks(
          had.map((active, i) => member(`m${i}`, active)),
          tasks,
          0,
        )
        checkComplete(given, tasks)
        expect(spread([...given.values()].map(({ active }) => active.length))).toBeLessThanOrEqual(1)
        counts.forEach((_, id) => {
          const per = [...given.values()].map(
            ({ active }) => active.filter((t) => t.subtopology === id).length,
          )
          expect(spread(per)).toBeLessThanOrEqual(1)
        })
      }),
    )
  })

  it('moves as few tasks of one sub-topology as balance allows, wherever they were', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.nat({ max: 5 }), { maxLength: 14 }),
        (size, owners) => {
          const tasks = tasksOf([owners.length])
          const had: TaskId[][] = Array.from({ length: size }, () => [])
          owners.forEach((owner, i) => had[owner % size]!.push(tasks[i]!))
          const members = had.map((active, i) => member(`m${i}`, active))
          const given = assignTasks(members, tasks, 0)
          expect(moves(members, given)).toBe(
            fewestMoves(
              had.map(({ length }) => length),
              tasks.length,
            ),
          )
        },
      ),
    )
  })

  it('moves nothing when nothing changed', () => {
    fc.assert(
      fc.property(scenario, ({ counts, size }) => {
        const tasks = tasksOf(counts)
        const fresh = Array.from({ length: size }, (_, i) => member(`m${i}`))
        const members = after(fresh, assignTasks(fresh, tasks, 1))
        expect(moves(members, assignTasks(members, tasks, 1))).toBe(0)
      }),
    )
  })

  it('moves little more than what a newcomer needs, and than the tasks of one who went', () => {
    fc.assert(
      fc.property(scenario, ({ counts, size }) => {
        const tasks = tasksOf(counts)
        const fresh = Array.from({ length: size }, (_, i) => member(`m${i}`))
        const before = after(fresh, assignTasks(fresh, tasks, 0))
        const grown = [...before, member('new')]
        const given = assignTasks(grown, tasks, 0)
        // Balance in total may ask for one exchange per sub-topology; `extras.test.ts` shows that it is the least.
        const needed = given.get('new')!.active.length
        expect(moves(grown, given)).toBeLessThanOrEqual(needed + counts.length - 1)
        const shrunk = before.slice(1)
        expect(moves(shrunk, assignTasks(shrunk, tasks, 0))).toBeLessThanOrEqual(counts.length)
      }),
    )
  })

  it('gives tasks back to the process that has their state', () => {
    const tasks = tasksOf([4])
    const stayed = member('a', tasks)
    const back = member('b', [], [tasks[1]!, tasks[2]!])
    const given = assignTasks([stayed, back], tasks, 0)
    expect(given.get('b')!.active.map(taskName).toSorted()).toEqual(['0_1', '0_2'])
  })

  it('lets a stand-by take over the tasks of one who went', () => {
    const tasks = tasksOf([6])
    const fresh = ['a', 'b', 'c'].map((id) => member(id))
    const first = assignTasks(fresh, tasks, 1)
    const left = after(fresh, first).filter(({ memberId }) => memberId !== 'a')
    const given = assignTasks(left, tasks, 1)
    const orphans = first.get('a')!.active.map(taskName)
    const stoodBy = (id: string): string[] =>
      first
        .get(id)!
        .standby.map(taskName)
        .filter((t) => orphans.includes(t))
    const kept = ['b', 'c'].flatMap((id) => {
      const has = new Set(given.get(id)!.active.map(taskName))
      return stoodBy(id).filter((task) => has.has(task))
    })
    expect(kept.length).toBe(orphans.length)
  })

  it('puts stand-bys on other processes than the active task, as many as there are', () => {
    fc.assert(
      fc.property(scenario, fc.integer({ min: 1, max: 3 }), ({ counts, size }, replicas) => {
        const tasks = tasksOf(counts)
        const members = Array.from({ length: size }, (_, i) => ({
          ...member(`m${i}`),
          processId: `p${i % 3}`,
        }))
        const given = assignTasks(members, tasks, replicas)
        const processes = new Set(members.map(({ processId }) => processId)).size
        for (const task of tasks) {
          const name = taskName(task)
          const on = members.filter(({ memberId }) => {
            const { active, standby } = given.get(memberId)!
            return [...active, ...standby].some((t) => taskName(t) === name)
          })
          expect(new Set(on.map(({ processId }) => processId)).size).toBe(on.length)
          expect(on.length).toBe(Math.min(processes, 1 + replicas))
        }
      }),
    )
  })

  it('answers the same whatever the order of members, and nothing without members', () => {
    const tasks = tasksOf([5, 3])
    const members = ['c', 'a', 'b'].map((id) => member(id))
    const one = assignTasks(members, tasks, 1)
    const other = assignTasks(members.toReversed(), tasks, 1)
    for (const { memberId } of members) expect(other.get(memberId)).toEqual(one.get(memberId))
    expect(assignTasks([], tasks, 1).size).toBe(0)
  })
})
