/**
 * A base model from a folder in Hugging Face's layout: config.json, model.safetensors (or shards with an index).
 *
 *     const model = await loadModel('models/covey-nano')
 *     model.tensor('model.norm.weight') // (D) float32
 */
import { join, resolve } from 'node:path'
import { digestOfJson } from '../../base/canonical.ts'
import { CoveyError } from '../../base/errors.ts'
import type { BaseModel, ModelConfig } from '../../types/model.ts'
import type { Architecture } from '../families/architecture.ts'
import { architectureFor } from '../families/architectures.ts'
import {
  CONFIG_FILE,
  exists,
  fileDigest,
  folderName,
  openWeightFile,
  readJsonObject,
  weightFileNames,
} from './files.ts'
import { readQuantization, type WeightScheme } from './quantization-config.ts'
import { locateTensors, type StoredTensor, storedTensors } from './tensors.ts'

/**
 * Files beside the weights that decide what the model makes of a text. Two peers whose tokenizers differ would measure
 * different losses, so these count in the digest where they are present.
 */
const TEXT_FILES = ['chat_template.jinja', 'tokenizer.json', 'tokenizer_config.json'] as const

/**
 * Opens a model folder. Everything is checked before anything is used: the architecture, config.json's fields, the
 * name, dtype and shape of every tensor, the scales of a quantized model. Weights stay on disk; `tensor()` reads and converts
 * one at a time and keeps none.
 *
 * Digest: sha256 of the canonical JSON `{config, files}` where `config` is config.json's value and `files` maps each
 * weight file (and, where present, tokenizer.json, tokenizer_config.json, chat_template.jinja) to its sha256.
 *
 * @throws CoveyError E_MODEL_FILE | E_MODEL_ARCHITECTURE | E_MODEL_SHAPE | E_ABORTED
 */
export async function loadModel(dir: string, signal?: AbortSignal): Promise<BaseModel> {
  const folder = resolve(dir)
  const { json, config, schemes } = await readModelConfig(folder)

  const names = await weightFileNames(folder)
  const files = await Promise.all(names.map((file) => openWeightFile(folder, file)))
  const tensors = storedTensors(config, schemes, locateTensors(files))

  const digests: Record<string, string> = {}
  for (const file of names) digests[file] = await fileDigest(join(folder, file), signal)
  for (const file of TEXT_FILES) {
    if (await exists(join(folder, file))) digests[file] = await fileDigest(join(folder, file), signal)
  }

  const at = (tensor: string): StoredTensor => {
    const stored = tensors.get(tensor)
    if (!stored) throw unknownTensor(tensor)
    return stored
  }
  return {
    config,
    digest: digestOfJson({ config: json, files: digests }),
    name: folderName(folder),
    dir: folder,
    tensorNames: [...tensors.keys()],
    shape: (tensor) => at(tensor).shape,
    tensor: (tensor) => at(tensor).read(),
    rounded: (tensor) => at(tensor).rounded,
  }
}

/**
 * A folder's config.json alone: what can be known before the weights are there.
 * @throws CoveyError E_MODEL_FILE | E_MODEL_ARCHITECTURE
 */
export async function readModelConfig(dir: string): Promise<{
  readonly json: Record<string, unknown>
  readonly architecture: Architecture
  readonly config: ModelConfig
  /** of quantized linear layers, null when there are none */
  readonly schemes: readonly WeightScheme[] | null
}> {
  const json = await readJsonObject(join(dir, CONFIG_FILE))
  const name = Array.isArray(json.architectures) ? json.architectures[0] : json.architectures
  const architecture = architectureFor(typeof name === 'string' ? name : String(name))
  return { json, architecture, config: architecture.readConfig(json), schemes: readQuantization(json) }
}

/** How many weights a model has. */
export function countParameters(model: BaseModel): number {
  return model.tensorNames.reduce((sum, name) => sum + model.shape(name).reduce((n, d) => n * d, 1), 0)
}

/** The error for a tensor name that a model does not have. */
export function unknownTensor(tensor: string): CoveyError {
  return new CoveyError('E_MODEL_SHAPE', `the model has no tensor ${JSON.stringify(tensor)}`, { tensor })
}
