/** How others look a windowed key up in a windowed table. */
import type { SessionStore, TimestampedWindowStore } from '../state/windowed-store.ts'
import type { Windowed } from '../../core/windowed.ts'
import type { StoreSpec } from '../topology/node.ts'
import type { TableView } from './table-view.ts'

/** A windowed aggregation with a store of this kind. A session's value has the time of its end. */
export function windowedView({ name, kind }: StoreSpec): TableView {
  return kind === 'session' ? sessionView(name) : windowView(name)
}

function windowView(name: string): TableView {
  return {
    stores: [name],
    open: (context) => {
      const store = context.store<TimestampedWindowStore<unknown, unknown>>(name)
      return (windowed) => {
        const { key, start } = windowed as Windowed<unknown>
        return store.fetch(key, start)
      }
    },
  }
}

function sessionView(name: string): TableView {
  return {
    stores: [name],
    open: (context) => {
      const store = context.store<SessionStore<unknown, unknown>>(name)
      return (windowed) => {
        const { key, start, end } = windowed as Windowed<unknown>
        const value = store.fetchSession(key, start, end)
        return value === undefined ? undefined : { value, timestamp: end }
      }
    },
  }
}
