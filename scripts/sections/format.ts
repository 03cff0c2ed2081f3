/** How figures are written on the page of measurements. */
export const percent = (x: number): string => `${(100 * x).toFixed(1)} %`

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
