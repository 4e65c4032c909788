/**
 * Shares out what is left after an even division: column c has `counts[c]` extras, at most one per row, and rows get equally
 * many in total (within one). Among all such answers one of the highest gain is found, as a flow of lowest cost.
 */

interface Edge {
  readonly to: number
  capacity: number
  readonly cost: number
  readonly back: number
}

/** Larger than all gains together, so that the even share of a row comes before any gain. */
const EVEN = -1_000_000

/**
 * @param gains per row and column: what an extra there is worth, >= 0
 * @param counts extras per column, each less than the number of rows
 * @returns per row and column 0 or 1
 */
export function shareExtras(
  gains: readonly (readonly number[])[],
  counts: readonly number[],
): readonly (readonly number[])[] {
  const rows = gains.length
  const total = counts.reduce((sum, count) => sum + count, 0)
  const even = Math.floor(total / rows)
  const source = rows + counts.length
  const sink = source + 1
  const graph: Edge[][] = Array.from({ length: sink + 1 }, () => [])
  gains.forEach((row, r) => {
    connect(graph, source, r, even, EVEN)
    connect(graph, source, r, 1, 0)
    row.forEach((gain, c) => connect(graph, r, rows + c, 1, -gain))
  })
  counts.forEach((count, c) => connect(graph, rows + c, sink, count, 0))
  for (let sent = 0; sent < total; sent++) augment(graph, source, sink)
  return gains.map((row, r) =>
    row.map((_, c) => (graph[r]!.some((e) => e.to === rows + c && e.capacity === 0) ? 1 : 0)),
  )
}

function connect(graph: Edge[][], from: number, to: number, capacity: number, cost: number): void {
  const there = graph[from]!
  const back = graph[to]!
  there.push({ to, capacity, cost, back: back.length })
  back.push({ to: from, capacity: 0, cost: -cost, back: there.length - 1 })
}

/** Sends one unit along the cheapest way (Bellman-Ford with a queue, since costs are negative). */
function augment(graph: Edge[][], source: number, sink: number): void {
  const cost = graph.map(() => Infinity)
  const via: (Edge | undefined)[] = graph.map(() => undefined)
  const queued = graph.map(() => false)
  const queue = [source]
  cost[source] = 0
  for (let head = 0; head < queue.length; head++) {
    const node = queue[head]!
    queued[node] = false
    for (const edge of graph[node]!) {
      if (edge.capacity === 0 || cost[node]! + edge.cost >= cost[edge.to]!) continue
      cost[edge.to] = cost[node]! + edge.cost
      via[edge.to] = edge
      if (!queued[edge.to]) queue.push(edge.to)
      queued[edge.to] = true
    }
  }
  for (let node = sink; node !== source;) {
    const edge = via[node]!
    const reverse = graph[node]![edge.back]!
    edge.capacity--
    reverse.capacity++
    node = reverse.to
  }
}
