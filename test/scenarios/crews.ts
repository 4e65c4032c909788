/** The joins again on instances of two workers each: they share a process and its death, and nothing else. */
import type { Scenario } from '../../src/testing/scenario/scenario.ts'
import { joins } from './joins.ts'

export const crews: Scenario = { ...joins, name: 'crews', settings: { workers: 2 } }
