/** Which of Kafka's messages the generator makes code for, and how high a client may go. */

export interface ApiChoice {
  readonly name: string
  /** The highest version a client sends, where Kafka keeps later ones for brokers. */
  readonly clientMaxVersion?: number
}

/** APIs of a request and a response, by the name of their schema files. */
export const APIS: readonly ApiChoice[] = [
  { name: 'ApiVersions' },
  { name: 'Metadata' },
  { name: 'Produce' },
  { name: 'Fetch' },
  { name: 'ListOffsets' },
  { name: 'FindCoordinator' },
  { name: 'JoinGroup' },
  { name: 'SyncGroup' },
  { name: 'Heartbeat' },
  { name: 'LeaveGroup' },
  { name: 'OffsetCommit' },
  { name: 'OffsetFetch' },
  { name: 'OffsetForLeaderEpoch' },
  { name: 'InitProducerId' },
  // From version 4 on brokers want CLUSTER_ACTION, which a client under ACLs does not have.
  { name: 'AddPartitionsToTxn', clientMaxVersion: 3 },
  { name: 'AddOffsetsToTxn' },
  { name: 'EndTxn' },
  { name: 'TxnOffsetCommit' },
  { name: 'SaslHandshake' },
  { name: 'SaslAuthenticate' },
  { name: 'CreateTopics' },
  { name: 'DeleteTopics' },
  { name: 'DeleteRecords' },
  { name: 'CreatePartitions' },
  { name: 'DescribeConfigs' },
  { name: 'IncrementalAlterConfigs' },
  { name: 'DescribeGroups' },
  { name: 'ListGroups' },
  { name: 'DeleteGroups' },
  { name: 'OffsetDelete' },
  { name: 'ConsumerGroupHeartbeat' },
  { name: 'ConsumerGroupDescribe' },
  { name: 'StreamsGroupHeartbeat' },
  { name: 'StreamsGroupDescribe' },
  { name: 'DescribeCluster' },
  { name: 'DescribeTransactions' },
  { name: 'ListTransactions' },
  { name: 'CreateAcls' },
]

/** Messages that travel inside byte fields of others; their version stands before them. */
export const EMBEDDED: readonly string[] = ['ConsumerProtocolSubscription', 'ConsumerProtocolAssignment']
