import { existsSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { mergeAdapter } from '../../../src/adapter/merge.ts'
import { writePeft } from '../../../src/adapter/peft.ts'
import { CoveyError, messageOf } from '../../../src/base/errors.ts'
import { writeModel } from '../../../src/model/folder/write.ts'
import type { Handler } from '../../command.ts'
import { configOf, openAdapter, openModel } from '../../common.ts'
import type { exportOptions } from './options.ts'

/** What a model folder needs beside config and weights. */
const TEXT_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'special_tokens_map.json',
  'generation_config.json',
]

export const exportHandler: Handler<typeof exportOptions> = async (options, _args, context) => {
  const { output, signal } = context
  const config = configOf({ dir: options.dir, model: options.model }, context)
  const { model, dir } = await openModel(config, signal)
  const adapter = await openAdapter(options.adapter, model)
  if (adapter === null) throw new CoveyError('E_CONFIG', 'what should be exported? Give its folder with --adapter')
  const out = resolve(options.out)
  if (out === resolve(dir))
    throw new CoveyError('E_CONFIG', `--out: expected another folder than the base model's, got ${out}`)
  if (options.format === 'peft') await writePeft(out, adapter.adapter, model)
  else {
    const merged = mergeAdapter(model, adapter.adapter)
    await writeModel(out, merged.config, (name) => merged.tensor(name), options.dtype)
    for (const file of TEXT_FILES.filter((f) => existsSync(join(dir, f)))) {
      await copyFile(join(dir, file), join(out, file)).catch((cause: unknown) => {
        throw new CoveyError('E_DISK', `${join(out, file)} could not be written: ${messageOf(cause)}`, {}, { cause })
      })
    }
  }
  output.line(`${options.format === 'peft' ? 'adapter' : `merged model (${options.dtype})`} in ${out}`)
  return { out, format: options.format, base: model.name, baseDigest: model.digest, adapterDigest: adapter.digest }
}
