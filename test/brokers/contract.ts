/**
 * The contract of `core/broker.ts` as tests: every adapter passes them, also through the hostile adapter. What only some
 * brokers can do (letting time pass, cleaning on demand) is offered by the cluster under test.
 */
import { describe } from 'vitest'
import { adminContract } from './contract/admin.ts'
import { exactlyOnceContract } from './contract/exactly-once.ts'
import { groupsContract } from './contract/groups.ts'
import type { MakeCluster } from './contract/harness.ts'
import { rebalanceContract } from './contract/rebalance.ts'
import { recordsContract } from './contract/records.ts'
import { transactionsContract } from './contract/transactions.ts'

export function brokerContract(name: string, make: MakeCluster): void {
  describe(`broker contract: ${name}`, () => {
    adminContract(make)
    recordsContract(make)
    transactionsContract(make)
    groupsContract(make)
    rebalanceContract(make)
    exactlyOnceContract(make)
  })
}
