/** Which boot of the machine this is, and when processes began: tells a power cut from a kill, and a reused pid from its owner. */
import { readFileSync } from 'node:fs'
import { hostname, uptime } from 'node:os'

let known: string | undefined

/** Changes at every boot. Where the system has no such id: host name and boot time, to half a minute. */
export function bootId(): string {
  known ??= readText('/proc/sys/kernel/random/boot_id') ?? `${hostname()}@${bootMinute()}`
  return known
}

/**
 * Whether two ids are of one boot. Those made of the boot time wander with the wall clock, and hosts are renamed under way:
 * a minute counts as the same, since taking the lock of a live owner is worse than asking for one of a dead one.
 */
export function sameBoot(a: string, b: string): boolean {
  return a === b || Math.abs(halfMinutes(a) - halfMinutes(b)) <= 2
}

/** NaN for the ids of a system that has them. */
function halfMinutes(id: string): number {
  return Number(/@(\d+)$/.exec(id)?.[1])
}

/** Start of a process in ticks since boot, or undefined where the system does not say. */
export function startOf(pid: number): string | undefined {
  // Field 22; the name in field 2 may hold spaces and brackets, so counting begins behind its last bracket.
  const stat = readText(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

/** Rounded, since wall clock and uptime drift against each other. */
function bootMinute(): number {
  return Math.round((Date.now() - uptime() * 1000) / 30_000)
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}
