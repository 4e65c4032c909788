import { describe } from 'vitest'
import { brokerContract } from '../contract.ts'
import { exactlyOnceContract } from '../contract/exactly-once.ts'
import { memoryCluster } from './clusters.ts'

const slow = { delay: 0.5, maxDelayMs: 2, split: 0.5, hold: 0.3 }

brokerContract('embedded, in memory, through a hostile network', () => memoryCluster(slow))

describe('embedded, in memory, with lost replies', () => {
  exactlyOnceContract(() => memoryCluster({ ...slow, lostCommit: 0.2, lostOffsets: 0.1 }))
})
