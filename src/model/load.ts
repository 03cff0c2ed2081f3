/**
 * A base model from a folder in Hugging Face's layout: config.json, model.safetensors (or shards with an index).
 *
 *     const model = await loadModel('models/covey-nano')
 *     model.tensor('model.norm.weight') // (D) float32
 */
import { join, resolve } from 'node:path'
import { digestOfJson } from '../base/canonical.ts'
import { CoveyError } from '../base/errors.ts'
import type { TensorInfo } from '../base/safetensors.ts'
import type { BaseModel, ModelConfig } from '../types/model.ts'
import type { Architecture } from './architecture.ts'
import { architectureFor } from './architectures.ts'
import {
  CONFIG_FILE,
  exists,
  fileDigest,
  folderName,
  openWeightFile,
  readJsonObject,
  readTensor,
  type WeightFile,
  weightFileNames,
} from './files.ts'

/**
 * Files beside the weights that decide what the model makes of a text. Two peers whose tokenizers differ would measure
 * different losses, so these count in the digest where they are present.
 */
const TEXT_FILES = ['chat_template.jinja', 'tokenizer.json', 'tokenizer_config.json'] as const

/**
 * Opens a model folder. Everything is checked before anything is used: the architecture, config.json's fields, the
 * name, dtype and shape of every tensor. Weights stay on disk; `tensor()` reads and converts one at a time and keeps none.
 *
 * Digest: sha256 of the canonical JSON `{config, files}` where `config` is config.json's value and `files` maps each
 * weight file (and, where present, tokenizer.json, tokenizer_config.json, chat_template.jinja) to its sha256.
 *
 * @throws CoveyError E_MODEL_FILE | E_MODEL_ARCHITECTURE | E_MODEL_SHAPE | E_ABORTED
 */
export async function loadModel(dir: string, signal?: AbortSignal): Promise<BaseModel> {
  const folder = resolve(dir)
  const { json, architecture, config } = await readModelConfig(folder)

  const names = await weightFileNames(folder)
  const files = await Promise.all(names.map((file) => openWeightFile(folder, file)))
  const found = locateTensors(files)
  checkTensors(config, found)

  const digests: Record<string, string> = {}
  for (const file of names) digests[file] = await fileDigest(join(folder, file), signal)
  for (const file of TEXT_FILES) {
    if (await exists(join(folder, file))) digests[file] = await fileDigest(join(folder, file), signal)
  }

  const shapes = architecture.tensorShapes(config)
  const at = (tensor: string): { file: WeightFile; info: TensorInfo } => {
    const place = shapes.has(tensor) ? found.get(tensor) : undefined
    if (!place) throw unknownTensor(tensor)
    return place
  }
  return {
    config,
    digest: digestOfJson({ config: json, files: digests }),
    name: folderName(folder),
    dir: folder,
    tensorNames: [...shapes.keys()],
    shape: (tensor) => at(tensor).info.shape,
    tensor(tensor) {
      const { file, info } = at(tensor)
      return readTensor(file, info)
    },
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
}> {
  const json = await readJsonObject(join(dir, CONFIG_FILE))
  const name = Array.isArray(json.architectures) ? json.architectures[0] : json.architectures
  const architecture = architectureFor(typeof name === 'string' ? name : String(name))
  return { json, architecture, config: architecture.readConfig(json) }
}

/** How many weights a model has. */
export function countParameters(model: BaseModel): number {
  return model.tensorNames.reduce((sum, name) => sum + model.shape(name).reduce((n, d) => n * d, 1), 0)
}

/** The error for a tensor name that a model does not have. */
export function unknownTensor(tensor: string): CoveyError {
  return new CoveyError('E_MODEL_SHAPE', `the model has no tensor ${JSON.stringify(tensor)}`, { tensor })
}

function locateTensors(files: readonly WeightFile[]): Map<string, { file: WeightFile; info: TensorInfo }> {
  const found = new Map<string, { file: WeightFile; info: TensorInfo }>()
  for (const file of files) {
    for (const info of file.tensors.values()) {
      const other = found.get(info.name)
      if (other) {
        throw new CoveyError('E_MODEL_FILE', `tensor ${info.name} is in ${other.file.name} and in ${file.name}`, {
          tensor: info.name,
        })
      }
      found.set(info.name, { file, info })
    }
  }
  return found
}

function checkTensors(config: ModelConfig, found: ReadonlyMap<string, { info: TensorInfo }>): void {
  const architecture = architectureFor(config.architecture)
  const shapes = architecture.tensorShapes(config)
  for (const [tensor, expected] of shapes) {
    const info = found.get(tensor)?.info
    if (!info) throw shapeError(tensor, expected, null)
    if (info.shape.length !== expected.length || info.shape.some((d, i) => d !== expected[i])) {
      throw shapeError(tensor, expected, info.shape)
    }
    if (info.dtype !== 'F32' && info.dtype !== 'F16' && info.dtype !== 'BF16') {
      throw new CoveyError('E_MODEL_FILE', `tensor ${tensor}: expected F32, F16 or BF16 values, got ${info.dtype}`, {
        tensor,
      })
    }
  }
  for (const tensor of found.keys()) {
    // an unknown tensor (a bias, an extra norm) means another computation than the one that would be run
    if (!shapes.has(tensor) && !architecture.ignores(config, tensor)) {
      throw new CoveyError(
        'E_MODEL_SHAPE',
        `tensor ${tensor} is in the weight files, but ${config.architecture} has no use for it`,
        {
          tensor,
          got: found.get(tensor)?.info.shape,
        },
      )
    }
  }
}

function shapeError(tensor: string, expected: readonly number[], got: readonly number[] | null): CoveyError {
  const came = got ? `[${got.join(', ')}]` : 'no such tensor'
  return new CoveyError(
    'E_MODEL_SHAPE',
    `tensor ${tensor}: config.json wants [${expected.join(', ')}], the files have ${came}`,
    {
      tensor,
      expected,
      got,
    },
  )
}
