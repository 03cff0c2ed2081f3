import { throwIfAborted } from '../../../src/base/abort.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { readManifest } from '../../../src/hub/manifest.ts'
import { checkFiles } from '../../../src/hub/verify.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { findModel, libraryFolders } from '../../library.ts'
import { modelChecks } from '../../model-checks.ts'
import { explain } from '../../output.ts'
import { Transfer } from '../../transfer.ts'
import type { modelVerifyOptions } from './options.ts'

export const modelVerifyHandler: Handler<typeof modelVerifyOptions> = async (options, [name = ''], context) => {
  const { output, signal } = context
  const dir = findModel(name, libraryFolders(configOf(options, context)))
  const manifest = await readManifest(dir)
  if (manifest === null)
    throw new CoveyError('E_CORRUPT', `${dir}: the manifest is gone; pull the model again`, { dir })
  const transfer = new Transfer(() => performance.now())
  const total = manifest.files.reduce((sum, file) => sum + file.size, 0)
  let done = 0
  const files = await checkFiles(dir, manifest.files, signal, (bytes) => {
    done += bytes
    if (transfer.add({ done, total, fresh: done })) output.progress(transfer.line())
  })
  const problem = await openProblem()
  const ok = problem === null && files.every((file) => file.problem === null)

  for (const file of files)
    output.line(
      `${file.problem === null ? 'ok  ' : 'BAD '} ${file.path}${file.problem === null ? '' : `: ${file.problem}`}`,
    )
  if (problem !== null) output.line(`BAD  the model: ${problem}`)
  output.line(
    ok
      ? `${name} is whole, digest ${manifest.model.digest}`
      : `${name} is not what was pulled; \`covey model pull\` mends it`,
  )
  if (!ok) context.fail()
  return { name, dir, ok, digest: manifest.model.digest, files, problem }

  /** What is wrong with the model as a whole; null = it opens and is the one that was pulled. */
  async function openProblem(): Promise<string | null> {
    try {
      await modelChecks.texts(dir)
      const { digest } = await modelChecks.model(dir, signal)
      if (digest === manifest?.model.digest) return null
      return `expected the digest ${manifest?.model.digest}, got ${digest}: a file was changed or added`
    } catch (error) {
      throwIfAborted(signal)
      const { code, message } = explain(error)
      return `${message} (${code})`
    }
  }
}
