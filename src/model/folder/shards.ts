/** Weights in one file, or in several with an index beside them, as Hugging Face's tools name them. */
import { join } from 'node:path'
import { utf8 } from '../../base/bytes.ts'
import { writeFileAtomic } from '../../base/files.ts'
import { type Dtype, encodeSafetensorsHeader } from '../../base/safetensors.ts'
import { INDEX_FILE, WEIGHTS_FILE } from './files.ts'

/** A tensor of a file that is being written; `read` makes its bytes. */
export interface OutputTensor {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** bytes */
  readonly size: number
  read(): Uint8Array
}

export interface Shard {
  readonly name: string
  readonly tensors: readonly OutputTensor[]
}

/** Tensors in their order, a new file when the next one would make it longer than `maxBytes`; a larger tensor has one alone. */
export function planShards(tensors: readonly OutputTensor[], maxBytes: number): Shard[] {
  const parts: OutputTensor[][] = [[]]
  let size = 0
  for (const tensor of tensors) {
    if (size > 0 && size + tensor.size > maxBytes) {
      parts.push([])
      size = 0
    }
    parts.at(-1)?.push(tensor)
    size += tensor.size
  }
  if (parts.length === 1) return [{ name: WEIGHTS_FILE, tensors }]
  const digits = (n: number): string => String(n).padStart(5, '0')
  return parts.map((part, i) => ({
    name: `model-${digits(i + 1)}-of-${digits(parts.length)}.safetensors`,
    tensors: part,
  }))
}

/**
 * One tensor after the other, each in memory while it is written.
 * @param onBytes told of each tensor before it is written; what it throws ends the writing
 * @returns bytes of all weight files
 * @throws CoveyError E_DISK; what the tensors' readers throw comes through
 */
export async function writeShards(
  dir: string,
  shards: readonly Shard[],
  onBytes: (bytes: number) => void,
): Promise<number> {
  let total = 0
  for (const { name, tensors } of shards) {
    // "format" is what transformers looks for before it loads a file
    const header = encodeSafetensorsHeader(tensors, { format: 'pt' })
    function* chunks(): Generator<Uint8Array> {
      yield header
      for (const tensor of tensors) {
        onBytes(tensor.size)
        yield tensor.read()
      }
    }
    await writeFileAtomic(join(dir, name), chunks())
    total += header.byteLength + tensors.reduce((n, t) => n + t.size, 0)
  }
  if (shards.length > 1) {
    const map = Object.fromEntries(shards.flatMap(({ name, tensors }) => tensors.map((t) => [t.name, name])))
    const size = shards.flatMap(({ tensors }) => tensors).reduce((n, t) => n + t.size, 0)
    const index = { metadata: { total_size: size }, weight_map: map }
    await writeFileAtomic(join(dir, INDEX_FILE), [utf8.encode(`${JSON.stringify(index, null, 2)}\n`)])
  }
  return total
}
