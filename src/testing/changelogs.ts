/** The changelogs of a driven task: partition 0 of each, written like any other output. */
import { NO_HEADERS } from '../core/record.ts'
import type { Output } from '../engine/runtime/output.ts'
import type { LogUpdate } from '../engine/state/managed.ts'
import type { Subtopology } from '../engine/topology/plan.ts'

export function changelogsOf({ stores }: Subtopology, output: Output): ReadonlyMap<string, LogUpdate> {
  const own = stores.filter(({ changelogTopic, sourceChangelog }) => {
    return changelogTopic !== undefined && sourceChangelog === undefined
  })
  return new Map(
    own.map(({ name, changelogTopic, changelogHeaders = NO_HEADERS }) => {
      return [name, output.changelog(changelogTopic!, 0, changelogHeaders)] as const
    }),
  )
}
