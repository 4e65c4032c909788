import { brokerContract } from '../contract.ts'
import { folderCluster } from './clusters.ts'

brokerContract('embedded, in a folder', () => folderCluster())
brokerContract('embedded, in a folder, through a hostile network', () =>
  folderCluster({ delay: 0.3, maxDelayMs: 2, split: 0.5, hold: 0.3 }),
)
