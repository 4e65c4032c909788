/** The contract of the broker port on a real Kafka. What waits for real time is part of `npm run test:kafka` only. */
import { describe } from 'vitest'
import { adminContract } from '../../contract/admin.ts'
import { exactlyOnceContract } from '../../contract/exactly-once.ts'
import { groupsContract } from '../../contract/groups.ts'
import type { ClusterUnderTest } from '../../contract/harness.ts'
import { rebalanceContract } from '../../contract/rebalance.ts'
import { recordsContract } from '../../contract/records.ts'
import { transactionsContract } from '../../contract/transactions.ts'
import type { KafkaUnderTest } from '../clusters.ts'
import { kafkaCluster } from '../clusters.ts'
import { noKafka, notInMatrix, sharedKafka } from './live.ts'

const slow = { delay: 0.5, maxDelayMs: 2, split: 0.5, hold: 0.3 }

function on(kafka: Omit<KafkaUnderTest, 'bootstrap'> = {}): () => Promise<ClusterUnderTest> {
  return async () => kafkaCluster({ ...kafka, bootstrap: (await sharedKafka()).bootstrap })
}

describe.skipIf(noKafka())('broker contract: Kafka', () => {
  adminContract(on())
  recordsContract(on())
  transactionsContract(on())
  groupsContract(on())
  exactlyOnceContract(on(), [1])
})

describe.skipIf(notInMatrix())('broker contract: Kafka, what takes long', () => {
  rebalanceContract(on())
  exactlyOnceContract(on(), [2, 3, 4, 5, 6])
  describe.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('with batches packed by %s', (compression) => {
    recordsContract(on({ options: { compression } }))
  })
})

describe.skipIf(notInMatrix())('broker contract: Kafka, through a hostile network', () => {
  recordsContract(on({ faults: slow }))
  transactionsContract(on({ faults: slow }))
  groupsContract(on({ faults: slow }))
  exactlyOnceContract(on({ faults: slow }))
})

describe.skipIf(notInMatrix())('broker contract: Kafka, with lost replies', () => {
  exactlyOnceContract(on({ faults: { ...slow, lostCommit: 0.2, lostOffsets: 0.1 } }))
})
