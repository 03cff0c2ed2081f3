import { scoresOf, scoresRecord } from '../../../node/arena/records.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { SCORE_ABSENT } from '../../../src/types/ledger.ts'
import { arenaNumber, nats, standing, takeFiles } from '../../arenas.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import { measureEpoch } from './measure.ts'
import type { arenaValidateOptions } from './options.ts'

export const arenaValidateHandler: Handler<typeof arenaValidateOptions> = async (options, [number = ''], context) => {
  const { passwordFile, blob, ...flags } = options
  const id = arenaNumber(number)
  const config = configOf(flags, context)
  const { output } = context
  return withLedger(config, passwordFile, context, async ({ arenas }, store, desk) => {
    const arena = await arenas.arena(id)
    const { epoch, phase } = arena
    if (phase !== 'score' && phase !== 'tally')
      throw new CoveyError('E_ARGUMENT', `arena ${id} takes no scores now: ${standing(arena)}`)
    const view = await arenas.epoch(id, epoch)
    if (!view.validators.some((seat) => seat.account === arenas.account))
      throw new CoveyError('E_ARGUMENT', `${arenas.account} was not drawn to score epoch ${epoch} of arena ${id}`)
    await takeFiles(store, blob)
    const known = await scoresOf(store, id, epoch)
    if (known === undefined && phase === 'tally')
      throw new CoveyError('E_KEY', `no scores of epoch ${epoch} are on record in this data directory`)
    const record =
      known ??
      (await scoresRecord(store, id, epoch, await measureEpoch(arena, view, store, config, passwordFile, context)))
    const act = phase === 'score' ? 'commit' : 'reveal'
    const sent = await desk.send(
      {
        command: `arena validate ${id} ${epoch} ${act}`,
        does: [`${act} the scores of ${view.entries.length} adapters in epoch ${epoch} of arena ${id}`],
        repeatable: true,
      },
      () =>
        phase === 'score'
          ? arenas.commitScores(id, epoch, record.scores, record.salt)
          : arenas.revealScores(id, epoch, record.scores, record.salt),
    )
    view.entries.forEach(({ account }, i) => {
      const score = record.scores[i] as number
      output.line(`${account}  ${score === SCORE_ABSENT ? 'no usable adapter' : nats(score)}`)
    })
    return { account: arenas.account, arena: id, epoch, act, scores: record.scores, ...shownSent(sent) }
  })
}
