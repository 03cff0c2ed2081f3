/** What OPT and DistilBERT share: tensors of blocks with LayerNorm, biases and learned positions. */
import type { LinearLayer, ModelConfig, PlainNames } from '../../types/model.ts'

/** Every tensor in the order of a model's parameters. */
export function plainShapes(c: ModelConfig): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  const { plain } = c
  if (!plain) return shapes
  const { names, head } = plain
  const D = c.hiddenSize
  const E = plain.embeddingSize ?? D
  const norm = (module: string | null): void => {
    if (module === null) return
    shapes.set(`${module}.weight`, [D])
    shapes.set(`${module}.bias`, [D])
  }
  const linear = (module: string, outputs: number, inputs: number): void => {
    shapes.set(`${module}.weight`, [outputs, inputs])
    shapes.set(`${module}.bias`, [outputs])
  }
  const answers = plain.classes?.length ?? c.vocabSize
  shapes.set(names.embedding, [c.vocabSize, E])
  shapes.set(names.positions, [c.maxPositions + plain.positionOffset, D])
  norm(names.embeddingNorm)
  if (names.projectIn !== null) shapes.set(`${names.projectIn}.weight`, [D, E])
  for (let i = 0; i < c.layers; i++) {
    const at = (name: string): string => name.replace('*', String(i))
    for (const name of [names.query, names.key, names.value, names.out]) linear(at(name), D, D)
    norm(at(names.attentionNorm))
    linear(at(names.up), c.ffnSize, D)
    linear(at(names.down), D, c.ffnSize)
    norm(at(names.ffnNorm))
  }
  norm(names.finalNorm)
  if (names.projectOut !== null) shapes.set(`${names.projectOut}.weight`, [E, D])
  if (head) {
    linear(head.transform, D, D)
    norm(head.norm)
    shapes.set(head.bias, [answers])
  }
  if (!c.tiedEmbeddings) shapes.set(head?.output ?? 'lm_head.weight', [answers, E])
  return shapes
}

/** The linear layers of the blocks, in the order of their tensors. */
export function plainLinears(names: PlainNames): LinearLayer[] {
  return [
    { module: names.query, outputs: 'hidden', inputs: 'hidden' },
    { module: names.key, outputs: 'hidden', inputs: 'hidden' },
    { module: names.value, outputs: 'hidden', inputs: 'hidden' },
    { module: names.out, outputs: 'hidden', inputs: 'hidden' },
    { module: names.up, outputs: 'ffn', inputs: 'hidden' },
    { module: names.down, outputs: 'hidden', inputs: 'ffn' },
  ]
}
