/** How figures are written on the page of measurements. */
export const percent = (x: number): string => `${(100 * x).toFixed(1)} %`

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

export const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length

/** An npm script's call as a reader types it. */
export function commandLine(script: string, args: readonly string[]): string {
  const quoted = argumentsOf(args)
  return `npm run ${script}${quoted === '' ? '' : ` -- ${quoted}`}`
}

export const argumentsOf = (args: readonly string[]): string =>
  args.map((a) => (/[\s{}\\;]/.test(a) ? `'${a}'` : a)).join(' ')
