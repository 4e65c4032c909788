/** All scenarios, by name. */
import type { Scenario } from '../../src/testing/scenario/scenario.ts'
import { aggregates } from './aggregates.ts'
import { asOf } from './as-of.ts'
import { asks } from './asks.ts'
import { batches } from './batches.ts'
import { breaks } from './breaks.ts'
import { counted } from './counted.ts'
import { crews } from './crews.ts'
import { everything } from './everything.ts'
import { fansOut } from './fans-out.ts'
import { globals } from './globals.ts'
import { joins } from './joins.ts'
import { pairs } from './pairs.ts'
import { policies } from './policies.ts'
import { punctuates } from './punctuates.ts'
import { refers } from './refers.ts'
import { rejects } from './rejects.ts'
import { remembers } from './remembers.ts'
import { standbys } from './standbys.ts'
import { stateless } from './stateless.ts'
import { windows } from './windows.ts'

export const SCENARIOS: readonly Scenario[] = [
  stateless,
  aggregates,
  windows,
  joins,
  refers,
  pairs,
  asOf,
  globals,
  asks,
  breaks,
  batches,
  policies,
  punctuates,
  remembers,
  rejects,
  fansOut,
  standbys,
  crews,
  counted,
  everything,
]
