/** s of y = xWᵀ + s·(xAᵀ)Bᵀ: alpha/rank, or alpha/√rank for rsLoRA (Kalajdzievski 2023, arXiv:2312.03732). */
export function loraScale({
  alpha,
  rank,
  rsLora,
}: {
  readonly alpha: number
  readonly rank: number
  readonly rsLora: boolean
}): number {
  return alpha / (rsLora ? Math.sqrt(rank) : rank)
}
