/** Text with terminal styles as an SVG picture; knows the few styles Sluice uses. */

const COLOURS: Readonly<Record<string, string>> = {
  '31': '#ff7b72',
  '32': '#7ee787',
  '33': '#e3b341',
  '36': '#76e3ea',
}

const ESCAPE = '\u001B'
const STYLES = new RegExp(`(${ESCAPE}\\[\\d+m)`)

const CHARACTER = 8.4
const LINE = 20
const MARGIN = 16

/** @param columns width of the terminal */
export function terminalSvg(text: string, columns: number): string {
  const lines = text.trimEnd().split('\n')
  const width = Math.ceil(columns * CHARACTER + 2 * MARGIN)
  const height = lines.length * LINE + 2 * MARGIN
  const drawn = lines.map(
    (line, at) =>
      `<text x="${MARGIN}" y="${MARGIN + 14 + at * LINE}" xml:space="preserve">${styled(line)}</text>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3">',
    ...drawn,
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

function styled(line: string): string {
  let [colour, bold, dim] = ['', false, false]
  return line
    .split(STYLES)
    .map((part) => {
      const code = part.startsWith(ESCAPE) ? part.slice(2, -1) : undefined
      if (code === undefined) return span(part, colour, bold, dim)
      if (code === '1') bold = true
      else if (code === '2') dim = true
      else if (code === '22') [bold, dim] = [false, false]
      else colour = COLOURS[code] ?? ''
      return ''
    })
    .join('')
}

function span(text: string, colour: string, bold: boolean, dim: boolean): string {
  if (text === '') return ''
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const style = [
    colour === '' ? '' : ` fill="${colour}"`,
    bold ? ' font-weight="bold"' : '',
    dim ? ' opacity="0.6"' : '',
  ].join('')
  return style === '' ? escaped : `<tspan${style}>${escaped}</tspan>`
}
