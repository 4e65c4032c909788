/** Steps of a case that begin at a table. */
import type { DerivedTableOptions } from '../../src/index.ts'
import type { Step } from './case.ts'
import { joiner, keyFunction, predicate, valueFunction } from './functions.ts'
import { PRESENT } from './serde.ts'
import { suppressed } from './draw-window.ts'
import { isMaterialized, keeping, named, NotYet, sourceTableOptions } from './thing.ts'
import type { Drawing, Table, Thing } from './thing.ts'

export function drawTable(drawing: Drawing, table: Table, step: Step): Thing {
  const options = derivedOptions(drawing, step)
  switch (step.op) {
    case 'toStream': {
      const stream = table.toStream(named(step))
      if (step.key === undefined) return { kind: 'stream', stream }
      return { kind: 'stream', stream: stream.selectKey(keyFunction(step.key)) }
    }
    case 'filter':
    case 'filterNot':
      return { kind: 'table', table: table[step.op](predicate(step.predicate!), options) }
    case 'mapValues': {
      const mapper = valueFunction(step.fn!)
      return {
        kind: 'table',
        table: table.mapValues((value, key) => mapper(value, key), { ...options, value: PRESENT }),
      }
    }
    case 'groupBy': {
      const [key, value] = [keyFunction(step.key!), valueFunction(step.value ?? 'identity')]
      const group = table.groupBy((v, k) => [key(v, k), value(v, k)], { ...named(step), value: PRESENT })
      return { kind: 'grouped-table', group }
    }
    case 'join':
    case 'leftJoin':
    case 'outerJoin': {
      const other = drawing.things.get(String(step.with))
      if (other?.kind !== 'table') throw new NotYet(`${step.op} of a table with a ${other?.kind}`)
      const join = joiner(step.joiner ?? 'concat')
      if (step.foreignKey !== undefined) return foreignJoined(drawing, table, other.table, step)
      return { kind: 'table', table: table[step.op](other.table, join, { ...options, value: PRESENT }) }
    }
    case 'suppress':
      return { kind: 'table', table: suppressed(table, step) }
    default:
      throw new NotYet(`${step.op} of a table`)
  }
}

function foreignJoined(drawing: Drawing, table: Table, other: Table, step: Step): Thing {
  const [foreignKey, join] = [keyFunction(step.foreignKey!), joiner(step.joiner ?? 'concat')]
  const options = { ...sourceTableOptions(drawing, step), value: PRESENT }
  const verb = step.op === 'join' ? 'joinForeign' : 'leftJoinForeign'
  return { kind: 'table', table: table[verb](other, foreignKey, join, options) }
}

function derivedOptions({ caching }: Drawing, step: Step): DerivedTableOptions {
  const materialized = isMaterialized(step)
  if (!materialized) return named(step)
  const emit = caching && step.caching !== false ? 'coalesced' : 'every'
  return { ...named(step), ...keeping(step), materialized, emit }
}
