import { brokerContract } from '../contract.ts'
import { memoryCluster } from './clusters.ts'

brokerContract('embedded, in memory', () => memoryCluster())
