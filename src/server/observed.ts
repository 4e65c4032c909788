/** What the server and the live view look at: one running application with its broker and numbers. They only read. */
import type { Broker } from '../core/broker.ts'
import type { Clock } from '../core/clock.ts'
import type { Metrics, Sample } from '../core/metrics.ts'
import type { Bytes } from '../core/record.ts'
import type { RunningApp } from '../engine/runtime/app.ts'
import { APP_TRANSITIONS } from '../engine/runtime/app-state.ts'

export interface Observed {
  readonly app: RunningApp
  readonly broker: Broker
  readonly metrics: Metrics
  readonly clock: Clock
  /** Shows bytes of a topic; never throws. */
  readonly show: (topic: string, side: 'key' | 'value', bytes: Bytes) => unknown
}

/** The samples of the registry and those that only the running application knows. */
export function samplesOf({ app, metrics }: Pick<Observed, 'app' | 'metrics'>): readonly Sample[] {
  const states = Object.keys(APP_TRANSITIONS).map((state) => ({
    name: 'state',
    labels: { state },
    value: state === app.state ? 1 : 0,
  }))
  const lags = app.progress.flatMap(({ topic, partition, task, lag }) =>
    lag === undefined
      ? []
      : [{ name: 'records-lag', labels: { task, topic, partition: String(partition) }, value: lag }],
  )
  return [...states, ...lags, ...metrics.samples()]
}
