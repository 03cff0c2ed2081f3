/**
 * An adapter as Hugging Face's PEFT keeps it: a folder with adapter_config.json and adapter_model.safetensors.
 * https://huggingface.co/docs/peft/developer_guides/checkpoint
 */
import { join } from 'node:path'
import { z } from 'zod'
import { utf8 } from '../base/bytes.ts'
import { CoveyError, messageOf } from '../base/errors.ts'
import { writeFileAtomic } from '../base/files.ts'
import type { Adapter, MethodSettings } from '../types/adapter.ts'
import type { BaseModel, ModelConfig } from '../types/model.ts'
import { encodeAdapter } from './delta.ts'
import type { ModelShapes } from './method.ts'
import { METHOD_NAMES, methodLayout, methodOf } from './methods.ts'
import { readCapped, readTensors, WEIGHTS_FILE } from './tensor-file.ts'

const CONFIG_FILE = 'adapter_config.json'

/** adapter_config.json is about 1 KB */
const MAX_CONFIG_BYTES = 1024 * 1024

/**
 * Writes a folder that `PeftModel.from_pretrained(model, dir)` reads.
 * @param model the base: its name is what `base_model_name_or_path` says
 * @throws CoveyError E_ADAPTER for a method that PEFT has not | E_DISK
 */
export async function writePeft(
  dir: string,
  adapter: Adapter,
  { name, config: model }: Pick<BaseModel, 'name' | 'config'>,
): Promise<void> {
  const { layout } = adapter
  const { peft } = methodOf(layout.method)
  if (!peft) {
    const message = `PEFT has no form for the method ${layout.method}: export it merged (--format merged) or keep it as Covey's own folder`
    throw new CoveyError('E_ADAPTER', message, { method: layout.method })
  }
  const config = {
    peft_type: peft.type,
    // PEFT's own kinds for encoders would train a head of theirs beside the adapter
    task_type: model.plain?.causal === false ? null : 'CAUSAL_LM',
    base_model_name_or_path: name,
    ...peft.write(layout, model),
  }
  // weights first: the config is what makes a folder an adapter
  await writeFileAtomic(join(dir, WEIGHTS_FILE), [encodeAdapter(adapter)])
  await writeFileAtomic(join(dir, CONFIG_FILE), [utf8.encode(`${JSON.stringify(config, null, 2)}\n`)])
}

/**
 * Reads a PEFT folder: LoRA (with rsLoRA, DoRA), (IA)³, prefix and prompt tuning; F32, F16 or BF16.
 * @param model the base that it was trained for
 * @returns layout with seed 0: PEFT does not say what was drawn
 * @throws CoveyError E_ADAPTER naming the file and what is wrong
 */
export async function readPeft(dir: string, model: ModelShapes): Promise<Adapter> {
  const path = join(dir, CONFIG_FILE)
  const json = await readJson(path)
  const layout = inFile(path, () => methodLayout(model, settingsOf(json, model.config)))
  return { layout, values: await readTensors(join(dir, WEIGHTS_FILE), layout) }
}

function settingsOf(json: unknown, model: ModelConfig): MethodSettings {
  const formats = METHOD_NAMES.flatMap((name) => methodOf(name).peft ?? [])
  const types = [...new Set(formats.map((f) => f.type))]
  const { peft_type } = z.object({ peft_type: z.enum(types) }).parse(json)
  for (const format of formats) {
    const settings = format.type === peft_type ? format.read(json, model) : null
    if (settings !== null) return settings
  }
  throw new CoveyError('E_INTERNAL', `no method reads the peft_type ${peft_type}`)
}

/** What goes wrong with a file's content names the file. @throws CoveyError E_ADAPTER */
export function inFile<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof z.ZodError) {
      const issue = cause.issues[0]
      throw new CoveyError('E_ADAPTER', `${path}: ${issue?.path.join('.')}: ${issue?.message}`, {
        issues: cause.issues,
      })
    }
    if (cause instanceof CoveyError && cause.code === 'E_ADAPTER')
      throw new CoveyError('E_ADAPTER', `${path}: ${cause.message}`, cause.data, { cause })
    throw cause
  }
}

/** @throws CoveyError E_ADAPTER */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await readCapped(path, MAX_CONFIG_BYTES)
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new CoveyError('E_ADAPTER', `${path}: expected JSON: ${messageOf(cause)}`, { path }, { cause })
  }
}
