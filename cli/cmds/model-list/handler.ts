import { type LibraryEntry, listModels } from '../../../src/hub/library.ts'
import type { Handler } from '../../command.ts'
import { byteSize, configOf } from '../../common.ts'
import { libraryFolders } from '../../library.ts'
import type { modelListOptions } from './options.ts'

export const modelListHandler: Handler<typeof modelListOptions> = async (options, _args, context) => {
  const { output } = context
  const libraries = libraryFolders(configOf(options, context))
  const models: LibraryEntry[] = []
  for (const library of libraries) models.push(...(await listModels(library)))
  const width = Math.max(0, ...models.map((m) => m.name.length))
  for (const m of models) output.line(`${m.name.padEnd(width)}  ${describe(m)}`)
  if (models.length === 0) output.line(`no model in ${libraries.join(' or ')} yet: \`covey model pull\` gets one`)
  return { folders: libraries, models }
}

function describe({ state, problem, model, bytes, totalBytes }: LibraryEntry): string {
  const size = totalBytes === null || totalBytes === bytes ? byteSize(bytes) : byteSize(totalBytes)
  const facts =
    model === null
      ? []
      : [model.architecture, `${(model.parameters / 1e6).toFixed(1)} M parameters`, size, model.digest.slice(0, 16)]
  if (state === 'partial') facts.push(`${byteSize(bytes)} of ${totalBytes === null ? '?' : byteSize(totalBytes)}`)
  return [...facts, problem === null ? state : `${state}: ${problem}`].join('  ')
}
