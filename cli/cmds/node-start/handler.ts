import { ANY_PRIVACY } from '../../../node/privacy/floor.ts'
import { runParticipant } from '../../../node/run-participant.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { readPassword } from '../../password.ts'
import { emitterOf, peerSettingsOf } from '../../peer.ts'
import type { nodeStartOptions } from './options.ts'

const DEFAULT_HOST = '127.0.0.1'
const DEFAULT_PORT = 8080

export const nodeStartHandler: Handler<typeof nodeStartOptions> = async (options, _args, context) => {
  const { passwordFile, task, data, prompt, completion, serve, rank, canaries, misbehave, ...flags } = options
  if (task === null)
    throw new CoveyError('E_CONFIG', 'which task? give its number with --task; `covey task list` shows them')
  const config = configOf(flags, context)
  const { settings } = config
  await runParticipant(
    {
      ...peerSettingsOf(config),
      task,
      data: data === null ? null : { file: data, prompt, completion },
      serve: serve
        ? { host: settings.host ?? DEFAULT_HOST, port: settings.port ?? DEFAULT_PORT, token: settings.token ?? null }
        : null,
      maxRank: rank,
      canaries,
      misbehave,
      privacy: {
        accept: settings.privacy ?? ANY_PRIVACY.accept,
        maxEpsilon: settings.maxEpsilon ?? ANY_PRIVACY.maxEpsilon,
        delta: settings.privacyDelta ?? ANY_PRIVACY.delta,
        maxClip: settings.maxClip ?? ANY_PRIVACY.maxClip,
      },
    },
    await readPassword(passwordFile, context, false),
    emitterOf(context.output),
    context.signal,
  )
  return undefined
}
