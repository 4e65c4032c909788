/** The aggregations again, with a stand-by of each task: who takes a task over must have the state the former owner committed. */
import type { Scenario } from '../../src/testing/scenario/scenario.ts'
import { aggregates } from './aggregates.ts'

export const standbys: Scenario = { ...aggregates, name: 'standbys', settings: { standbyReplicas: 1 } }
