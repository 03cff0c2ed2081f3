/** A line chart as SVG text: what a page of the docs or a command's picture needs, and no more. */
export interface ChartOptions {
  readonly title: string
  readonly xLabel: string
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[]
  /** x of the first value; 1 unless given */
  readonly from?: number
}

const WIDTH = 720
const HEIGHT = 360
const MARGIN = { left: 56, right: 16, top: 36, bottom: 44 }
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf']
const TICKS = 5
/** Of a tick's number. */
const LEAST_DIGITS = 2
const MOST_DIGITS = 6

/** One point a value, one unit of x apart; y from 0, or from the least value below it. */
export function lineChart({ title, xLabel, series, from = 1 }: ChartOptions): string {
  const all = series.flatMap((s) => s.values)
  const longest = Math.max(0, ...series.map((s) => s.values.length))
  const least = Math.min(0, ...all)
  const top = Math.max(0, ...all)
  const most = top > least ? top : 1
  const [w, h] = [WIDTH - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom]
  const x = (i: number): number => MARGIN.left + (w * i) / Math.max(1, longest - 1)
  const y = (value: number): number => MARGIN.top + h * (1 - (value - least) / (most - least))
  const digits = Math.min(MOST_DIGITS, Math.max(LEAST_DIGITS, 1 - Math.floor(Math.log10((most - least) / TICKS))))
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="20" font-size="14">${escaped(title)}</text>`,
    `<text x="${MARGIN.left + w / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(xLabel)}</text>`,
  ]
  for (let i = 0; i <= TICKS; i++) {
    const value = least + ((most - least) * i) / TICKS
    parts.push(
      `<line x1="${MARGIN.left}" x2="${MARGIN.left + w}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#ddd"/>`,
      `<text x="${MARGIN.left - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${value.toFixed(digits)}</text>`,
    )
  }
  const steps = Array.from({ length: TICKS + 1 }, (_, i) => Math.round((Math.max(0, longest - 1) * i) / TICKS))
  for (const step of new Set(steps))
    parts.push(
      `<text x="${x(step).toFixed(1)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${from + step}</text>`,
    )
  if (least < 0)
    parts.push(
      `<line x1="${MARGIN.left}" x2="${MARGIN.left + w}" y1="${y(0).toFixed(1)}" y2="${y(0).toFixed(1)}" stroke="#888"/>`,
    )
  for (const [i, { name, values }] of series.entries()) {
    const colour = COLOURS[i % COLOURS.length]
    const points = values.map((v, j) => `${x(j).toFixed(1)},${y(v).toFixed(1)}`).join(' ')
    parts.push(
      `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="1.2" stroke-opacity="0.8"/>`,
      `<text x="${MARGIN.left + w - 8}" y="${MARGIN.top + 16 * (i + 1)}" text-anchor="end" fill="${colour}">${escaped(name)}</text>`,
    )
  }
  return `${parts.join('\n')}\n</svg>\n`
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
