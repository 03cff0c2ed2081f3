import { statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { CoveyError } from '../../../src/base/errors.ts'
import type { Collected, PullProgress } from '../../../src/hub/collect.ts'
import { keepsSecrets } from '../../../src/hub/http.ts'
import { importModel } from '../../../src/hub/import.ts'
import { isModelName } from '../../../src/hub/names.ts'
import { pullModel } from '../../../src/hub/pull.ts'
import { parseRepository, type Repository } from '../../../src/hub/source.ts'
import type { CommandContext, Handler, OptionValues } from '../../command.ts'
import { byteSize, configOf } from '../../common.ts'
import { endpointOf, libraryFolders } from '../../library.ts'
import { modelChecks } from '../../model-checks.ts'
import { Transfer } from '../../transfer.ts'
import type { modelPullOptions } from './options.ts'

type Options = OptionValues<typeof modelPullOptions>

const EVENT_MS = 1_000
/** What a token can be: one that holds a line end would break the header and end in a message. */
const TOKEN = /^[\x21-\x7e]{1,1024}$/

export const modelPullHandler: Handler<typeof modelPullOptions> = async (options, [given = ''], context) => {
  const { output, signal } = context
  const config = configOf({ dir: options.dir, endpoint: options.endpoint }, context)
  const [models] = libraryFolders(config)
  const shown = progressOf(context)
  const common = { models, checks: modelChecks, signal, onProgress: shown.progress }
  let pulled: Collected
  if (isFolder(given)) {
    assertUnused(options, ['endpoint', 'revision'], 'a folder')
    if (isModelName(given)) output.note(`Taking the folder ${resolve(given)}; for a model of a hub, give its address.`)
    const name = options.name ?? `local/${basename(resolve(given))}`
    pulled = await importModel({ ...common, name, folder: given, link: options.link })
  } else {
    assertUnused(options, ['link'], 'a hub')
    const endpoint = endpointOf(config, context.env)
    const repository = parseRepository(given, endpoint, options.revision)
    const token = tokenFor(repository, endpoint, context)
    pulled = await pullModel({
      ...common,
      name: options.name ?? repository.id,
      repository,
      token,
      onRetry: shown.retry,
    })
  }
  const { manifest, dir, fresh, unchanged } = pulled
  const { name, source, model, files } = manifest
  const bytes = files.reduce((sum, file) => sum + file.size, 0)
  const what = `${name}: ${(model.parameters / 1e6).toFixed(1)} M parameters, ${byteSize(bytes)}, digest ${model.digest.slice(0, 16)}`
  output.line(unchanged ? `${what}; it was there, every byte is right` : what)
  output.line(`in ${dir}; use it with --model ${name}`)
  return { name, dir, source, ...model, files: files.length, bytes, fetchedBytes: fresh, unchanged }
}

/** For people a line that changes, for programs a JSON line a second. */
function progressOf({ output }: CommandContext): {
  readonly progress: (progress: PullProgress) => void
  readonly retry: (reason: string, wait_ms: number) => void
} {
  const transfer = new Transfer(() => performance.now())
  let told = performance.now()
  return {
    progress(progress) {
      if (!transfer.add(progress)) return
      output.progress(transfer.line())
      if (performance.now() - told < EVENT_MS) return
      told = performance.now()
      output.event({ event: 'progress', ...transfer.state() })
    },
    retry(reason, wait_ms) {
      const waitSeconds = wait_ms / 1000
      output.progress(`${reason}; trying again in ${waitSeconds} s`)
      output.event({ event: 'retry', reason, waitSeconds })
    },
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function assertUnused(options: Options, names: readonly (keyof Options)[], from: string): void {
  const wrong = names.find((name) => options[name] !== null && options[name] !== false)
  if (wrong !== undefined) throw new CoveyError('E_ARGUMENT', `--${wrong} has no meaning for a model from ${from}`)
}

/** HF_TOKEN, when it is for this hub: an address that somebody pasted must not get the token of another place. */
function tokenFor(repository: Repository, endpoint: string, { env, output }: CommandContext): string | null {
  const token = env.HF_TOKEN ?? ''
  if (token === '') return null
  if (!TOKEN.test(token)) {
    throw new CoveyError('E_CONFIG', 'HF_TOKEN: expected one line of printable characters without spaces, got another')
  }
  output.hide(token)
  const { host } = new URL(repository.endpoint)
  if (repository.endpoint !== endpoint) {
    output.note(
      `HF_TOKEN is not sent to ${host}: give --endpoint ${new URL(repository.endpoint).origin} if it is meant for it.`,
    )
    return null
  }
  if (!keepsSecrets(endpoint)) {
    output.note(`HF_TOKEN is not sent to ${host}: plain http would show it to others; give an https address.`)
    return null
  }
  return token
}
