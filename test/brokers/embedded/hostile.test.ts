import { brokerContract } from '../contract.ts'
import { memoryCluster } from './clusters.ts'

brokerContract('embedded, in memory, through a hostile network', () =>
  memoryCluster({ delay: 0.5, maxDelayMs: 2, split: 0.5, hold: 0.3 }),
)
