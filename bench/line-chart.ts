/** A line chart as SVG text: what a page of the docs needs, and no more. */
export interface ChartOptions {
  readonly title: string
  readonly xLabel: string
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[]
}

const WIDTH = 720
const HEIGHT = 360
const MARGIN = { left: 56, right: 16, top: 36, bottom: 44 }
const COLOURS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#17becf']
const TICKS = 5

/** One point a value; x from 1, y from 0. */
export function lineChart({ title, xLabel, series }: ChartOptions): string {
  const longest = Math.max(...series.map((s) => s.values.length))
  const most = Math.max(...series.flatMap((s) => s.values))
  const [w, h] = [WIDTH - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom]
  const x = (i: number): number => MARGIN.left + (w * i) / Math.max(1, longest - 1)
  const y = (value: number): number => MARGIN.top + h * (1 - value / most)
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    `<text x="${MARGIN.left}" y="20" font-size="14">${title}</text>`,
    `<text x="${MARGIN.left + w / 2}" y="${HEIGHT - 8}" text-anchor="middle">${xLabel}</text>`,
  ]
  for (let i = 0; i <= TICKS; i++) {
    const value = (most * i) / TICKS
    const step = Math.round(((longest - 1) * i) / TICKS)
    parts.push(
      `<line x1="${MARGIN.left}" x2="${MARGIN.left + w}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#ddd"/>`,
      `<text x="${MARGIN.left - 6}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end">${value.toFixed(2)}</text>`,
      `<text x="${x(step).toFixed(1)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${step + 1}</text>`,
    )
  }
  for (const [i, { name, values }] of series.entries()) {
    const colour = COLOURS[i % COLOURS.length]
    const points = values.map((v, j) => `${x(j).toFixed(1)},${y(v).toFixed(1)}`).join(' ')
    parts.push(
      `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="1.2" stroke-opacity="0.8"/>`,
      `<text x="${MARGIN.left + w - 8}" y="${MARGIN.top + 16 * (i + 1)}" text-anchor="end" fill="${colour}">${name}</text>`,
    )
  }
  return `${parts.join('\n')}\n</svg>\n`
}
