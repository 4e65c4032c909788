/**
 * A plan as an SVG picture of its own: topics, operators and stores in columns from left to right. All text is escaped, since
 * names may come from anywhere and pictures end up in pages.
 */
import { ledgerName } from './names.ts'
import type { Plan, PlanNode } from './plan.ts'

type Shape = 'topic' | 'operator' | 'asks' | 'store'

interface Box {
  readonly id: string
  readonly label: string
  readonly shape: Shape
}

interface Edge {
  readonly from: string
  readonly to: string
  /** Between an operator and its store. */
  readonly state: boolean
}

interface Placed extends Box {
  readonly x: number
  readonly y: number
  readonly width: number
}

const HEIGHT = 34
const GAP_X = 56
const GAP_Y = 22
const MARGIN = 20
/** Of 13 px monospace text. */
const CHARACTER = 7.9

/** The whole picture; readable on light and dark pages. */
export function svg(plan: Plan): string {
  const { boxes, edges } = graphOf(plan)
  const placed = place(boxes, edges)
  const all = [...placed.values()]
  const width = Math.max(0, ...all.map(({ x, width: wide }) => x + wide)) + MARGIN
  const height = Math.max(0, ...all.map(({ y }) => y + HEIGHT)) + MARGIN
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}" role="img" font-family="ui-monospace, monospace" font-size="13">`,
    `<title>${escape(`Topology of ${plan.application}`)}</title>`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="#5b6470"/></marker></defs>',
    ...edges.map((edge) => drawEdge(edge, placed)),
    ...all.map(drawBox),
    '</svg>\n',
  ].join('\n')
}

function graphOf(plan: Plan): { readonly boxes: ReadonlyMap<string, Box>; readonly edges: readonly Edge[] } {
  const boxes = new Map<string, Box>()
  const edges: Edge[] = []
  const add = (shape: Shape, label: string): string => {
    const id = `${shape === 'asks' ? 'operator' : shape} ${label}`
    if (!boxes.has(id)) boxes.set(id, { id, label, shape })
    return id
  }
  for (const node of plan.subtopologies.flatMap(({ nodes }) => nodes)) {
    for (const topic of node.source?.topics ?? [])
      edges.push({ from: add('topic', topic), to: add(shapeOf(node), node.name), state: false })
    const self = add(shapeOf(node), node.name)
    for (const child of node.children) edges.push({ from: self, to: `operator ${child}`, state: false })
    for (const store of storesOf(node)) edges.push({ from: self, to: add('store', store), state: true })
    if (node.sink !== undefined) edges.push({ from: self, to: add('topic', node.sink.topic), state: false })
  }
  return { boxes, edges }
}

function shapeOf(node: PlanNode): Shape {
  return node.asynchronous === true ? 'asks' : 'operator'
}

function storesOf(node: PlanNode): readonly string[] {
  const own = (node.stores ?? []).map(({ name }) => name)
  return [...own, ...(node.connects ?? []), ...(node.asynchronous === true ? [ledgerName(node.name)] : [])]
}

/** Column = longest way from a beginning; within a column near the middle of what comes before. */
function place(boxes: ReadonlyMap<string, Box>, edges: readonly Edge[]): ReadonlyMap<string, Placed> {
  const columns = columnsOf(boxes, edges)
  const rows = new Map<string, number>()
  const placed = new Map<string, Placed>()
  let x = MARGIN
  for (const column of columns) {
    const weight = (id: string): number => {
      const before = edges.filter(({ to }) => to === id).flatMap(({ from }) => rows.get(from) ?? [])
      return before.length === 0 ? Infinity : before.reduce((sum, row) => sum + row, 0) / before.length
    }
    const ordered = column.map((box) => ({ box, at: weight(box.id) })).toSorted((a, b) => compare(a.at, b.at))
    const width = Math.max(...column.map(({ label }) => label.length * CHARACTER + 28))
    let next = 0
    for (const { box, at } of ordered) {
      const row = Math.max(next, at === Infinity ? next : Math.round(at))
      next = row + 1
      rows.set(box.id, row)
      placed.set(box.id, { ...box, x, y: MARGIN + row * (HEIGHT + GAP_Y), width })
    }
    x += width + GAP_X
  }
  return placed
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a - b
}

function columnsOf(boxes: ReadonlyMap<string, Box>, edges: readonly Edge[]): readonly (readonly Box[])[] {
  const next = new Map<string, string[]>()
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to])
  const depth = new Map<string, number>()
  const open = new Set<string>()
  // An application may read what it writes: the edge that closes such a circle goes backwards and moves nobody.
  const push = (id: string, least: number): void => {
    if (open.has(id) || (depth.get(id) ?? -1) >= least) return
    depth.set(id, least)
    open.add(id)
    for (const to of next.get(id) ?? []) push(to, least + 1)
    open.delete(id)
  }
  const entered = new Set(edges.map(({ to }) => to))
  for (const id of boxes.keys()) if (!entered.has(id)) push(id, 0)
  for (const id of boxes.keys()) if (!depth.has(id)) push(id, 0)
  const columns: Box[][] = []
  for (const [id, box] of boxes) (columns[depth.get(id)!] ??= []).push(box)
  return columns.filter((column) => column !== undefined)
}

const STYLES: Readonly<Record<Shape, string>> = {
  topic: `rx="${HEIGHT / 2}" fill="#e3f0ff" stroke="#2f6fb7"`,
  operator: 'rx="4" fill="#f4f5f7" stroke="#5b6470"',
  asks: 'rx="4" fill="#fff1dc" stroke="#c07a1a" stroke-width="2"',
  store: 'rx="4" fill="#e9f7ec" stroke="#3a8a4d" stroke-dasharray="5 3"',
}

function drawBox({ x, y, width, label, shape }: Placed): string {
  const text = `<text x="${round(x + width / 2)}" y="${y + HEIGHT / 2 + 5}" text-anchor="middle" fill="#1c2229">${escape(label)}</text>`
  return `<g><rect x="${round(x)}" y="${y}" width="${round(width)}" height="${HEIGHT}" ${STYLES[shape]}/>${text}</g>`
}

function drawEdge({ from, to, state }: Edge, placed: ReadonlyMap<string, Placed>): string {
  const [a, b] = [placed.get(from), placed.get(to)]
  if (a === undefined || b === undefined) return ''
  const [x1, y1, x2, y2] = [a.x + a.width, a.y + HEIGHT / 2, b.x, b.y + HEIGHT / 2]
  const bend = Math.max(GAP_X / 2, (x2 - x1) / 2)
  const style = state
    ? 'stroke="#3a8a4d" stroke-dasharray="4 3"'
    : 'stroke="#5b6470" marker-end="url(#arrow)"'
  return `<path d="M${round(x1)} ${y1}C${round(x1 + bend)} ${y1} ${round(x2 - bend)} ${y2} ${round(x2)} ${y2}" fill="none" ${style}/>`
}

function round(length: number): number {
  return Math.round(length * 10) / 10
}

/** Control characters are not allowed in XML at all. */
function escape(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']|\p{Cc}/gu, (sign) => names[sign] ?? ' ')
}
