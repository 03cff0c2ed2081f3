/**
 * Writes a model folder anew with the matrices of its blocks' linear layers in 8 or 4 bits, in compressed-tensors' format.
 *
 *     await quantizeModel('models/covey-nano', 'nano-4', { bits: 4 })
 *     const model = await loadModel('nano-4')
 */
import { join, resolve } from 'node:path'
import { throwIfAborted } from '../../base/abort.ts'
import { utf8 } from '../../base/bytes.ts'
import { CoveyError } from '../../base/errors.ts'
import { writeFileAtomic } from '../../base/files.ts'
import type { ModelConfig } from '../../types/model.ts'
import type { Bits } from '../folder/codes.ts'
import { CONFIG_FILE, openWeightFile, weightFileNames } from '../folder/files.ts'
import { loadModel, readModelConfig } from '../folder/load.ts'
import { newModelFolder, refuseExisting } from '../folder/new-folder.ts'
import { GROUP_4, writeQuantization } from '../folder/quantization-config.ts'
import { type OutputTensor, planShards, writeShards } from '../folder/shards.ts'
import { locateTensors, type StoredTensor, storedTensors } from '../folder/tensors.ts'
import { blockMatrices } from './blocks.ts'
import { keptTensor, type LayerError, quantizedTensors } from './quantized-output.ts'

export interface QuantizeOptions {
  readonly bits: Bits
  readonly signal?: AbortSignal
  /** bytes of weights, the tensor that is being written included, of so many */
  readonly onProgress?: (done: number, total: number) => void
  /** longest weight file, bytes; a larger model is cut into several. 2 GB */
  readonly maxFileBytes?: number
}

export interface QuantizedModel {
  /** of the new folder: another base than the one it was made from */
  readonly digest: string
  /** matrices in codes */
  readonly layers: number
  /** linear layers that stay as they were, by module */
  readonly kept: readonly string[]
  /** of the weight files */
  readonly bytesBefore: number
  readonly bytesAfter: number
  /** ‖W − Ŵ‖/‖W‖ of the worst layer, and the layers' mean */
  readonly worst: LayerError
  readonly meanError: number
}

const MAX_FILE_BYTES = 2_000_000_000
/** A layer's inputs must divide by it: whole groups in 4 bits, whole words of packed codes in 8. */
const WHOLE: Readonly<Record<Bits, number>> = { 4: GROUP_4, 8: 4 }

/**
 * One tensor is in memory at a time. The folder appears under its name when it is whole and was opened once: everything is
 * written beside it first. Embeddings, norms, biases and the head stay as they are, as does a layer whose inputs do not fill
 * whole groups.
 *
 * @param out must not exist
 * @throws CoveyError E_ARGUMENT | E_MODEL_FILE | E_MODEL_SHAPE | E_MODEL_ARCHITECTURE | E_DISK | E_ABORTED
 */
export async function quantizeModel(dir: string, out: string, options: QuantizeOptions): Promise<QuantizedModel> {
  const { bits, signal, onProgress, maxFileBytes = MAX_FILE_BYTES } = options
  const [folder, target] = [resolve(dir), resolve(out)]
  const { json, config, schemes } = await readModelConfig(folder)
  if (schemes !== null) {
    throw new CoveyError('E_ARGUMENT', `${folder} is quantized already: give the folder that it was made from`, { dir })
  }
  await refuseExisting(target)
  const names = await weightFileNames(folder)
  const files = await Promise.all(names.map((file) => openWeightFile(folder, file)))
  const errors: LayerError[] = []
  const stored = storedTensors(config, null, locateTensors(files))
  const { outputs, layers, kept } = planTensors(config, stored, bits, (error) => errors.push(error))
  if (layers === 0) {
    const message = `${folder}: no linear layer's inputs divide by ${WHOLE[bits]}, so none can be written in ${bits} bits`
    throw new CoveyError('E_MODEL_ARCHITECTURE', message, { dir })
  }
  const total = outputs.reduce((n, t) => n + t.size, 0)
  let done = 0
  const onBytes = (bytes: number): void => {
    throwIfAborted(signal)
    done += bytes
    onProgress?.(done, total)
  }

  return newModelFolder(folder, target, async (temporary) => {
    const bytesAfter = await writeShards(temporary, planShards(outputs, maxFileBytes), onBytes)
    // last: it is what makes a folder a model
    const ignore = [...new Set([...kept, headModule(config)])]
    const text = JSON.stringify({ ...json, quantization_config: writeQuantization(bits, ignore) }, null, 2)
    await writeFileAtomic(join(temporary, CONFIG_FILE), [utf8.encode(`${text}\n`)])
    const { digest } = await loadModel(temporary, signal)
    return {
      digest,
      layers,
      kept,
      bytesBefore: files.reduce((n, file) => n + file.size, 0),
      bytesAfter,
      worst: errors.reduce((a, b) => (b.error > a.error ? b : a)),
      meanError: errors.reduce((sum, { error }) => sum + error, 0) / errors.length,
    }
  })
}

/** What is written of each tensor. @returns kept: modules of the linear layers that stay as they are */
function planTensors(
  config: ModelConfig,
  stored: ReadonlyMap<string, StoredTensor>,
  bits: Bits,
  tell: (error: LayerError) => void,
): { readonly outputs: OutputTensor[]; readonly layers: number; readonly kept: string[] } {
  const matrices = blockMatrices(config)
  const outputs: OutputTensor[] = []
  const kept: string[] = []
  let layers = 0
  for (const [name, tensor] of stored) {
    if (matrices.has(name) && (tensor.shape[1] as number) % WHOLE[bits] === 0) {
      outputs.push(...quantizedTensors(name, tensor, bits, tell))
      layers++
      continue
    }
    // an ordinary model's tensors have one place each
    outputs.push(...tensor.parts.map((place) => keptTensor(name, place)))
    if (isLinear(config, name, tensor.shape)) kept.push(moduleOf(name))
  }
  return { outputs, layers, kept }
}

/** What is a linear layer to other tools: every matrix but those that rows are looked up in. */
function isLinear({ plain }: ModelConfig, name: string, shape: readonly number[]): boolean {
  const tables = [plain?.names.embedding ?? 'model.embed_tokens.weight', plain?.names.positions]
  return shape.length === 2 && name.endsWith('.weight') && !tables.includes(name)
}

/** Also where it shares the embedding's matrix, and the files have none of its own. */
function headModule({ plain }: ModelConfig): string {
  return plain?.head === undefined ? 'lm_head' : moduleOf(plain.head.bias)
}

const moduleOf = (name: string): string => name.slice(0, name.lastIndexOf('.'))
