import { adapterRecord, recordOf } from '../../../node/arena/records.ts'
import { packAdapter } from '../../../src/adapter/packed.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { writeFileAtomic } from '../../../src/base/files.ts'
import { arenaNumber, standing } from '../../arenas.ts'
import type { Handler } from '../../command.ts'
import { configOf, openAdapter, openModel } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { arenaSubmitOptions } from './options.ts'

export const arenaSubmitHandler: Handler<typeof arenaSubmitOptions> = async (
  options,
  [number = '', folder = ''],
  context,
) => {
  const { passwordFile, out, ...flags } = options
  const id = arenaNumber(number)
  const config = configOf(flags, context)
  const { output, signal } = context
  return withLedger(config, passwordFile, context, async ({ arenas }, store, desk) => {
    const arena = await arenas.arena(id)
    const { epoch, phase } = arena
    if (phase === 'submit') {
      if (folder === '') throw new CoveyError('E_CONFIG', 'which adapter? Give its folder')
      const { model } = await openModel(config, signal)
      if (model.digest !== arena.params.baseDigest)
        throw new CoveyError(
          'E_ADAPTER',
          `arena ${id} is about the base ${arena.params.baseDigest}, the model given is ${model.digest}: give its folder with --model`,
        )
      const opened = await openAdapter(folder, model)
      if (opened === null) throw new CoveyError('E_CONFIG', 'which adapter? Give its folder')
      const bytes = packAdapter(opened.adapter)
      const digest = await store.blobs.put(bytes)
      if (out !== null) await writeFileAtomic(out, [bytes])
      const record = await adapterRecord(store, id, epoch, { digest, size: bytes.byteLength })
      const sent = await desk.send(
        {
          command: `arena submit ${id} ${epoch} ${digest}`,
          does: [
            `commit to the adapter ${digest.slice(0, 16)} (${bytes.byteLength} bytes) in epoch ${epoch} of arena ${id}`,
            `reveal it in its time: otherwise ${arena.params.rules.faultBps / 100} % of the stake is lost`,
          ],
          repeatable: true,
        },
        () => arenas.commit(id, epoch, record),
      )
      output.line(
        `committed ${digest.slice(0, 16)} in epoch ${epoch}: \`covey arena submit ${id}\` reveals it in its time`,
      )
      return { account: arenas.account, arena: id, epoch, act: 'commit', digest, size: record.size, ...shownSent(sent) }
    }
    if (phase !== 'reveal') throw new CoveyError('E_ARGUMENT', `arena ${id} takes no adapters now: ${standing(arena)}`)
    const mine = (await arenas.epoch(id, epoch)).entries.find((entry) => entry.account === arenas.account)
    const record = mine && (await recordOf(store, id, epoch, mine))
    if (record === undefined)
      throw new CoveyError(
        'E_KEY',
        `nothing that ${arenas.account} committed in epoch ${epoch} is on record in this data directory`,
      )
    const sent = await desk.send(
      {
        command: `arena submit ${id} ${epoch} reveal`,
        does: [`reveal the adapter ${record.digest.slice(0, 16)} in epoch ${epoch} of arena ${id}`],
        repeatable: true,
      },
      () => arenas.reveal(id, epoch, record),
    )
    output.line(
      `revealed ${record.digest.slice(0, 16)}: keep it served until the epoch is settled (\`covey arena serve\`)`,
    )
    return {
      account: arenas.account,
      arena: id,
      epoch,
      act: 'reveal',
      digest: record.digest,
      size: record.size,
      ...shownSent(sent),
    }
  })
}
