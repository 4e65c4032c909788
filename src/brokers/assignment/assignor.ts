/**
 * Who works on which task: a pure function of members, tasks and what was before. Counts are balanced within one, overall
 * and per sub-topology; among all such answers it moves the fewest tasks and prefers processes that have the state.
 * It must give equal answers for equal input, whatever the order of members.
 */
import type { TaskId } from '../../core/record.ts'
import { taskName } from '../../core/record.ts'
import { shareExtras } from './extras.ts'

export interface AssignorMember {
  readonly memberId: string
  readonly processId: string
  /** Active tasks it has or was to have. */
  readonly active: readonly TaskId[]
  /** Stand-by tasks, and tasks of which its process kept state. */
  readonly state: readonly TaskId[]
}

export interface Assignment {
  readonly active: readonly TaskId[]
  readonly standby: readonly TaskId[]
}

interface Working {
  readonly member: AssignorMember
  readonly had: ReadonlySet<string>
  readonly active: TaskId[]
  readonly standby: TaskId[]
}

/**
 * @param standbyReplicas wanted per task; fewer where there are not enough other processes
 * @returns by member id; every task is active exactly once, unless there are no members
 */
export function assignTasks(
  members: readonly AssignorMember[],
  tasks: readonly TaskId[],
  standbyReplicas: number,
): ReadonlyMap<string, Assignment> {
  const working = members
    .map((member) => ({ member, had: new Set(member.active.map(taskName)), active: [], standby: [] }))
    .sort((a: Working, b: Working) => (a.member.memberId < b.member.memberId ? -1 : 1)) as readonly Working[]
  if (working.length > 0) {
    const holders = stateHolders(members)
    assignActive(working, tasks, holders)
    for (let replica = 0; replica < standbyReplicas; replica++) assignStandby(working, tasks, holders)
  }
  return new Map(working.map(({ member, active, standby }) => [member.memberId, { active, standby }]))
}

/** Processes that have state of a task: they work on it, stand by for it, or kept it. */
type Holders = ReadonlyMap<string, ReadonlySet<string>>

function stateHolders(members: readonly AssignorMember[]): Holders {
  const holders = new Map<string, Set<string>>()
  for (const { processId, active, state } of members) {
    for (const task of [...active, ...state]) {
      const name = taskName(task)
      const known = holders.get(name)
      if (known === undefined) holders.set(name, new Set([processId]))
      else known.add(processId)
    }
  }
  return holders
}

/** 1. Quotas. 2. Everybody keeps what it had, up to its quota. 3. State decides about the rest. 4. Fill up. */
function assignActive(working: readonly Working[], tasks: readonly TaskId[], holders: Holders): void {
  const groups = [...Map.groupBy(tasks, ({ subtopology }) => subtopology).values()]
  const quotas = quotasOf(working, groups, holders)
  groups.forEach((group, g) => {
    const room = quotas.map((quota) => quota[g]!)
    const free = keepOld(working, group, room, holders)
    const rest = free.filter((task) => !give(working, task, room, (w) => holds(holders, task, w)))
    for (const task of rest) give(working, task, room, () => true)
  })
}

/** Per member and sub-topology: how many tasks it gets. The extras beyond the even share go where they save most moves. */
function quotasOf(
  working: readonly Working[],
  groups: readonly (readonly TaskId[])[],
  holders: Holders,
): readonly (readonly number[])[] {
  const floors = groups.map((group) => Math.floor(group.length / working.length))
  const gains = working.map((w) => groups.map((group, g) => gainOfExtra(w, group, floors[g]!, holders)))
  const extras = shareExtras(
    gains,
    groups.map((group) => group.length % working.length),
  )
  return extras.map((row) => row.map((extra, g) => floors[g]! + extra))
}

/** One more task saves a move, or at least a restore from scratch. */
function gainOfExtra(w: Working, group: readonly TaskId[], floor: number, holders: Holders): number {
  const had = group.filter((task) => w.had.has(taskName(task))).length
  if (had > floor) return 2
  return group.filter((task) => holds(holders, task, w)).length > floor ? 1 : 0
}

/** Leaves everybody its old tasks up to its room, and returns the tasks without owner. */
function keepOld(
  working: readonly Working[],
  group: readonly TaskId[],
  room: number[],
  holders: Holders,
): TaskId[] {
  const free = new Set(group)
  working.forEach((w, i) => {
    const had = group.filter((task) => free.has(task) && w.had.has(taskName(task)))
    // Tasks whose state lies with a process that has room are given up first: they come back without a restore.
    const away = (task: TaskId): boolean =>
      working.some(
        (other, j) =>
          other.member.processId !== w.member.processId && room[j]! > 0 && holds(holders, task, other),
      )
    const ordered = had.length > room[i]! ? had.toSorted((a, b) => Number(away(a)) - Number(away(b))) : had
    for (const task of ordered.slice(0, room[i])) {
      w.active.push(task)
      free.delete(task)
      room[i]!--
    }
  })
  return [...free]
}

/** Gives a task to the wanted member with the most room. */
function give(
  working: readonly Working[],
  task: TaskId,
  room: number[],
  wanted: (w: Working) => boolean,
): boolean {
  let best = -1
  working.forEach((w, i) => {
    if (room[i]! > 0 && wanted(w) && (best < 0 || room[i]! > room[best]!)) best = i
  })
  if (best < 0) return false
  working[best]!.active.push(task)
  room[best]!--
  return true
}

/** One more replica of every task on a process that has none of it yet: where the state is, else where least is to do. */
function assignStandby(working: readonly Working[], tasks: readonly TaskId[], holders: Holders): void {
  const taken = new Map<string, Set<string>>()
  for (const { member, active, standby } of working) {
    for (const task of [...active, ...standby]) {
      const name = taskName(task)
      taken.set(name, (taken.get(name) ?? new Set()).add(member.processId))
    }
  }
  for (const task of tasks) {
    const others = working.filter(({ member }) => taken.get(taskName(task))?.has(member.processId) !== true)
    const rank = (w: Working): number => load(w) - (holds(holders, task, w) ? 2 : 0)
    const chosen = others.reduce<Working | undefined>(
      (best, w) => (best === undefined || rank(w) < rank(best) ? w : best),
      undefined,
    )
    chosen?.standby.push(task)
  }
}

function load({ active, standby }: Working): number {
  return active.length + standby.length
}

function holds(holders: Holders, task: TaskId, { member }: Working): boolean {
  return holders.get(taskName(task))?.has(member.processId) === true
}
