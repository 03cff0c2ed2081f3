/**
 * An adapter of any method as a folder: PEFT's where PEFT has the method, otherwise covey_adapter.json beside the same
 * adapter_model.safetensors.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { utf8 } from '../base/bytes.ts'
import { writeFileAtomic } from '../base/files.ts'
import type { Adapter, MethodSettings } from '../types/adapter.ts'
import type { BaseModel } from '../types/model.ts'
import { encodeAdapter } from './delta.ts'
import { methodLayout, methodOf } from './methods.ts'
import { inFile, readJson, readPeft, writePeft } from './peft.ts'
import { readTensors, WEIGHTS_FILE } from './tensor-file.ts'

const CONFIG_FILE = 'covey_adapter.json'

/** Names of modules and numbers of layers in one file. */
const MAX_LIST = 1024
const MAX_NAME = 256

const settings = z.discriminatedUnion('method', [
  z.strictObject({
    method: z.literal('bottleneck'),
    bottleneck: z.strictObject({
      placement: z.enum(['houlsby', 'pfeiffer']),
      width: z.int().min(1),
      activation: z.enum(['silu', 'gelu', 'gelu-tanh', 'relu']),
      seed: z.int().min(0),
    }),
  }),
  z.strictObject({
    method: z.literal('selective'),
    selective: z.strictObject({
      modules: z.array(z.string().max(MAX_NAME)).max(MAX_LIST),
      layers: z.array(z.int().min(0)).max(MAX_LIST),
    }),
  }),
  z.strictObject({ method: z.literal('full') }),
]) satisfies z.ZodType<MethodSettings>

const file = z.strictObject({ format: z.literal(1), base: z.string(), settings })

/** @throws CoveyError E_ADAPTER | E_DISK */
export async function writeAdapter(
  dir: string,
  adapter: Adapter,
  base: Pick<BaseModel, 'name' | 'config'>,
): Promise<void> {
  if (methodOf(adapter.layout.method).peft) return writePeft(dir, adapter, base)
  const { entries: _entries, size: _size, ...settings } = adapter.layout
  const json = file.parse({ format: 1, base: base.name, settings })
  // weights first: the config is what makes a folder an adapter
  await writeFileAtomic(join(dir, WEIGHTS_FILE), [encodeAdapter(adapter)])
  await writeFileAtomic(join(dir, CONFIG_FILE), [utf8.encode(`${JSON.stringify(json, null, 2)}\n`)])
}

/** @param base that it was trained for. @throws CoveyError E_ADAPTER naming the file and what is wrong */
export async function readAdapter(dir: string, base: BaseModel): Promise<Adapter> {
  const path = join(dir, CONFIG_FILE)
  if (!existsSync(path)) return readPeft(dir, base)
  const json = await readJson(path)
  const layout = inFile(path, () => methodLayout(base, file.parse(json).settings))
  return { layout, values: await readTensors(join(dir, WEIGHTS_FILE), layout) }
}
