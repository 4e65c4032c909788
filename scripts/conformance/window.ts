/** Windows of a case as the DSL's. */
import { hopping, session, sliding, tumbling, unlimited } from '../../src/index.ts'

/** As in a file of the set. No `grace` means none. */
export interface CaseWindow {
  readonly type: string
  readonly size?: number
  readonly advance?: number
  readonly gap?: number
  readonly start?: number
  readonly grace?: number
}

export type DslWindow = ReturnType<
  typeof tumbling | typeof hopping | typeof sliding | typeof session | typeof unlimited
>

/** @throws what the DSL throws for a window that makes no sense */
export function windowOf({
  type,
  size = 0,
  advance = 0,
  gap = 0,
  start = 0,
  grace = 0,
}: CaseWindow): DslWindow {
  switch (type) {
    case 'tumbling':
      return tumbling(size, { grace })
    case 'hopping':
      return hopping(size, { advance, grace })
    case 'sliding':
      return sliding(size, { grace })
    case 'session':
      return session(gap, { grace })
    case 'unlimited':
      return unlimited({ start })
    default:
      throw new Error(`no window of type ${type}`)
  }
}
