/** The application under load: repartition, table join, a sink before the question, the question over HTTP, an aggregate. */
import { http } from '../../src/enrich/index.ts'
import { defineApp, json, string, topic, type App } from '../../src/index.ts'
import { added, type Customer, type Joined, NO_TOTAL, type Order, type Scored, type Total } from './load.ts'

export const APPLICATION = 'crash'
export const orders = topic('orders', { key: string, value: json<Order>() })
export const customers = topic('customers', { key: string, value: json<Customer>() })
export const audit = topic('audit', { key: string, value: json<Joined>() })
export const scored = topic('scored', { key: string, value: json<Scored>() })
export const totals = topic('totals', { key: string, value: json<Total>() })

/** @param service origin of the service, for instance http://127.0.0.1:4000 */
export function pipeline(service: string): App {
  return defineApp(APPLICATION, (flow) => {
    const joined = flow
      .stream(orders)
      .selectKey((order) => order.customer)
      .repartition({ name: 'by-customer' })
      .join(flow.table(customers), (order, { name, level }): Joined => ({ ...order, name, level }))
    joined.to(audit)
    const answered = joined.enrich(
      http<{ score: number }>(`${service}/score/{value.id}`, {
        retry: { retries: 12, delay: '20ms', maxDelay: '500ms' },
      }),
      {
        name: 'score',
        order: 'key',
        concurrency: 64,
        deadline: '60s',
        join: (order: Joined, answer): Scored => ({ ...order, score: answer?.score ?? -1 }),
      },
    )
    answered.to(scored)
    answered
      .groupByKey()
      .aggregate<Total>({ name: 'totals', init: () => NO_TOTAL, add: added, emit: 'every' })
      .toStream()
      .to(totals)
  })
}
