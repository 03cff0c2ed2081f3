import { readArenaFile } from '../../../coordinator/arena-file.ts'
import { arenaStep } from '../../../node/arena/keep.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { arenaNumber, standing } from '../../arenas.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { NOTHING_SENT, shownSent } from '../../write/desk.ts'
import type { arenaKeepOptions } from './options.ts'

export const arenaKeepHandler: Handler<typeof arenaKeepOptions> = async (options, [number = ''], context) => {
  const { passwordFile, arenaFile, ...flags } = options
  const id = arenaNumber(number)
  const plan = arenaFile === null ? null : await readArenaFile(arenaFile)
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, store, desk) => {
    const { arenas, account } = ledger
    const before = await arenas.arena(id)
    if (plan !== null && plan.params.probeRoot !== before.params.probeRoot)
      throw new CoveyError(
        'E_CONFIG',
        `${arenaFile}: its probe is not that of arena ${id}; give the file that it was created from`,
      )
    const { epoch } = before
    const step = arenaStep(before, account, await ledger.time(), plan !== null)
    const send = (does: string, act: () => ReturnType<typeof arenas.advance>): ReturnType<typeof desk.send> =>
      desk.send({ command: `arena keep ${id} ${epoch} ${before.phase}`, does: [does] }, act)
    let sent = NOTHING_SENT
    if (step === 'start') sent = await send(`begin the next epoch of arena ${id}`, () => arenas.startEpoch(id))
    else if (step === 'advance')
      sent = await send(`end the phase ${before.phase} of arena ${id}, for a keeper's fee`, () => arenas.advance(id))
    else if (step === 'close') sent = await send(`close arena ${id}`, () => arenas.close(id))
    else if (step === 'slice') {
      const slice = plan?.probe.slice(epoch) ?? null
      if (slice === null) throw new CoveyError('E_CONFIG', `${arenaFile}: no slice for epoch ${epoch}`)
      // among the blobs before it is named on chain: `covey arena serve` has it for the validators
      await store.blobs.put(slice.bytes)
      const { digest, proof, bytes } = slice
      sent = await send(`reveal the slice of epoch ${epoch} of arena ${id}`, () =>
        arenas.revealSlice(id, epoch, { digest, size: bytes.byteLength, proof }),
      )
    }
    const after = await arenas.arena(id)
    context.output.line(step === null ? `nothing is due: ${standing(after)}` : `${step}: ${standing(after)}`)
    return {
      account,
      arena: id,
      step,
      phase: after.phase,
      epoch: after.epoch,
      status: after.status,
      ...shownSent(sent),
    }
  })
}
