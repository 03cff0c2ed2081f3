import { CoveyError } from '../../../src/base/errors.ts'
import { listModels, removeModel } from '../../../src/hub/library.ts'
import { assertModelName } from '../../../src/hub/names.ts'
import type { Handler } from '../../command.ts'
import { byteSize, configOf } from '../../common.ts'
import { confirm } from '../../confirm.ts'
import { libraryFolders } from '../../library.ts'
import type { modelRmOptions } from './options.ts'

export const modelRmHandler: Handler<typeof modelRmOptions> = async (options, [given = ''], context) => {
  const { output, signal } = context
  const name = assertModelName(given)
  const libraries = libraryFolders(configOf({ dir: options.dir }, context))
  for (const library of libraries) {
    const there = (await listModels(library)).filter((entry) => entry.name === name)
    const [first] = there
    if (first === undefined) continue
    const bytes = there.reduce((sum, entry) => sum + entry.bytes, 0)
    if (!options.yes && !(await confirm(`Remove ${first.dir} (${byteSize(bytes)})?`, signal))) {
      output.line('nothing was removed')
      return { name, removed: false, dir: first.dir, bytes: 0 }
    }
    const freed = await removeModel(library, name)
    output.line(`removed ${first.dir} (${byteSize(freed)})`)
    return { name, removed: true, dir: first.dir, bytes: freed }
  }
  const message = `no model ${name} in ${libraries.join(' or ')}: \`covey model list\` shows those there are`
  throw new CoveyError('E_ARGUMENT', message, { name })
}
