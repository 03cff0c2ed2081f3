/** The blocks of a model: which of its tensors stand in each of them. */
import { LLAMA_LINEARS, type ModelConfig } from '../../types/model.ts'

/** Matrices of the linear layers that stand in every block, by name. */
export function blockMatrices(config: ModelConfig): Set<string> {
  const modules = (config.linears ?? LLAMA_LINEARS).map(({ module }) => module).filter((module) => module.includes('*'))
  const names = Array.from({ length: config.layers }, (_, i) =>
    modules.map((module) => `${module.replace('*', String(i))}.weight`),
  )
  return new Set(names.flat())
}

/** The number of a tensor's block is the first number among the parts of its name, in every family. */
const BLOCK = /(?<=\.)\d+(?=\.)/

/** The tensor's name were its block another one; itself when it stands in none. */
export function inOtherBlock(name: string, other: (block: number) => number): string {
  return name.replace(BLOCK, (block) => String(other(Number(block))))
}
