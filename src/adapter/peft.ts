/**
 * An adapter as Hugging Face's PEFT keeps it: a folder with adapter_config.json and adapter_model.safetensors.
 * https://huggingface.co/docs/peft/developer_guides/checkpoint
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { utf8 } from '../base/bytes.ts'
import { CoveyError, messageOf } from '../base/errors.ts'
import { writeFileAtomic } from '../base/files.ts'
import { parseSafetensors, toFloat32 } from '../base/safetensors.ts'
import type { Adapter, LoraConfig } from '../types/adapter.ts'
import type { ModelConfig } from '../types/model.ts'
import { encodeAdapter, maxDeltaBytes } from './delta.ts'
import { createLayout, entryValues, linearNames } from './layout.ts'

const CONFIG_FILE = 'adapter_config.json'
const WEIGHTS_FILE = 'adapter_model.safetensors'

/** adapter_config.json is about 1 KB */
const MAX_CONFIG_BYTES = 1024 * 1024
/** other writers' headers carry metadata and spaces; 1 MiB on top of the values is far more than they use */
const MAX_EXTRA_BYTES = 1024 * 1024
/** names of linear layers: a family has about ten */
const MAX_TARGETS = 64
const MAX_TARGET = 256

/**
 * Writes a folder that `PeftModel.from_pretrained(model, dir)` reads.
 * @param baseName what `base_model_name_or_path` says: a folder or a hub name, for people and tools
 * @throws CoveyError E_ADAPTER | E_DISK
 */
export async function writePeft(dir: string, adapter: Adapter, baseName: string): Promise<void> {
  const { lora } = adapter.layout
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseName,
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout,
    use_rslora: lora.rsLora,
    target_modules: lora.targets,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
    layers_to_transform: null,
    layers_pattern: null,
    rank_pattern: {},
    alpha_pattern: {},
    use_dora: false,
  }
  // weights first: the config is what makes a folder an adapter
  await writeFileAtomic(join(dir, WEIGHTS_FILE), [encodeAdapter(adapter)])
  await writeFileAtomic(join(dir, CONFIG_FILE), [utf8.encode(`${JSON.stringify(config, null, 2)}\n`)])
}

const empty = z
  .union([z.null(), z.literal(false), z.array(z.unknown()).max(0), z.record(z.string(), z.never())])
  .optional()

/** What Covey's LoRA can stand for; anything else in the file changes the computation and is refused. */
const peftConfig = z.object({
  peft_type: z.literal('LORA'),
  r: z.int().min(1),
  lora_alpha: z.number().gt(0),
  lora_dropout: z.number().min(0).lt(1).default(0),
  use_rslora: z.boolean().default(false),
  target_modules: z.array(z.string().max(MAX_TARGET)).min(1).max(MAX_TARGETS),
  bias: z.literal('none').default('none'),
  fan_in_fan_out: z.literal(false).default(false),
  use_dora: z.literal(false).default(false),
  lora_bias: z.literal(false).default(false),
  modules_to_save: empty,
  layers_to_transform: empty,
  rank_pattern: empty,
  alpha_pattern: empty,
  target_parameters: empty,
})

/**
 * Reads a PEFT folder: LoRA on linear layers of every block, F32, F16 or BF16.
 * @param model of the base that it was trained for
 * @returns layout with seed 0: PEFT does not say what A was drawn from
 * @throws CoveyError E_ADAPTER naming the file and what is wrong
 */
export async function readPeft(dir: string, model: ModelConfig): Promise<Adapter> {
  const path = join(dir, CONFIG_FILE)
  let json: unknown
  try {
    json = JSON.parse(utf8.decode(await readCapped(path, MAX_CONFIG_BYTES)))
  } catch (cause) {
    if (cause instanceof CoveyError) throw cause
    throw new CoveyError('E_ADAPTER', `${path}: expected JSON: ${messageOf(cause)}`, { path }, { cause })
  }
  const parsed = peftConfig.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new CoveyError('E_ADAPTER', `${path}: ${issue?.path.join('.')}: ${issue?.message}`, {
      issues: parsed.error.issues,
    })
  }
  const c = parsed.data
  const known = linearNames(model)
  const unknown = c.target_modules.find((t) => !known.includes(t))
  if (unknown !== undefined) {
    throw new CoveyError(
      'E_ADAPTER',
      `${path}: target_modules: expected linear layers of ${model.architecture} (${known.join(', ')}), got ${JSON.stringify(unknown)}`,
      { unknown, known },
    )
  }
  const lora: LoraConfig = {
    rank: c.r,
    alpha: c.lora_alpha,
    rsLora: c.use_rslora,
    dropout: c.lora_dropout,
    targets: known.filter((t) => c.target_modules.includes(t)),
    seed: 0,
  }
  const layout = createLayout(model, lora)
  const weights = join(dir, WEIGHTS_FILE)
  const file = await readCapped(weights, maxDeltaBytes(layout, 'f32') + MAX_EXTRA_BYTES)
  const values = new Float32Array(layout.size)
  try {
    const { header, bytes } = parseSafetensors(file)
    for (const entry of layout.entries) {
      const info = header.tensors.get(entry.name)
      const data = bytes(entry.name)
      if (!info || !data || info.shape.length !== 2 || info.shape.some((d, i) => d !== entry.shape[i])) {
        const got = info ? `[${info.shape.join(', ')}]` : 'no such tensor'
        throw new CoveyError(
          'E_ADAPTER',
          `${weights}: ${entry.name}: expected [${entry.shape.join(', ')}], got ${got}`,
          { tensor: entry.name },
        )
      }
      const read = toFloat32(info.dtype, data)
      if (!read.every(Number.isFinite))
        throw new CoveyError('E_ADAPTER', `${weights}: ${entry.name}: expected finite values`, { tensor: entry.name })
      entryValues(values, entry).set(read)
    }
    const known = new Set(layout.entries.map((e) => e.name))
    const extra = [...header.tensors.keys()].find((name) => !known.has(name))
    if (extra !== undefined)
      throw new CoveyError('E_ADAPTER', `${weights}: tensor ${extra} has no place in this model`, { tensor: extra })
  } catch (cause) {
    if (cause instanceof CoveyError && cause.code === 'E_ADAPTER') throw cause
    throw new CoveyError('E_ADAPTER', `${weights}: ${messageOf(cause)}`, { path: weights }, { cause })
  }
  return { layout, values }
}

async function readCapped(path: string, maxBytes: number): Promise<Uint8Array> {
  let file: Awaited<ReturnType<typeof open>> | undefined
  try {
    file = await open(path, 'r')
    const { size } = await file.stat()
    if (size > maxBytes) {
      throw new CoveyError('E_ADAPTER', `${path}: expected at most ${maxBytes} bytes, got ${size}`, { path, size })
    }
    return await file.readFile()
  } catch (cause) {
    if (cause instanceof CoveyError) throw cause
    throw new CoveyError('E_ADAPTER', `${path}: ${messageOf(cause)}`, { path }, { cause })
  } finally {
    await file?.close()
  }
}
