/** Coordinate-wise median (Yin et al. 2018, arXiv:1803.01498): right as long as fewer than half lie; of an even number, the mean of the two in the middle. */
export function median(sorted: Float64Array): number {
  const half = sorted.length >> 1
  const upper = sorted[half] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] as number) + upper) / 2
}
