import { readArenaFile } from '../../../coordinator/arena-file.ts'
import { ensureArena } from '../../../coordinator/create-arena.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { writeFileAtomic } from '../../../src/base/files.ts'
import { encodeArenaSpec } from '../../../src/wire/arena-spec.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import type { arenaCreateOptions } from './options.ts'

export const arenaCreateHandler: Handler<typeof arenaCreateOptions> = async (options, _args, context) => {
  const { passwordFile, arenaFile, specOut, ...flags } = options
  if (arenaFile === null) throw new CoveyError('E_CONFIG', 'which arena? Give its file with --arena-file')
  const plan = await readArenaFile(arenaFile)
  const { pool, epochs, specDigest, baseDigest } = plan.params
  return withLedger(configOf(flags, context), passwordFile, context, async ({ arenas }, store, desk) => {
    const { output } = context
    const arena = await desk.once(
      {
        command: `arena create ${specDigest}`,
        does: [
          `put an arena on chain and ${output.amount(pool)} of ${arenas.account} into escrow for ${epochs} epochs`,
        ],
      },
      () => ensureArena(arenas, store, plan),
    )
    await writeFileAtomic(specOut, [encodeArenaSpec(plan.spec)])
    output.line(`arena ${arena}: ${output.amount(pool)} for ${epochs} epochs`)
    output.line(`Next: \`covey arena keep ${arena} --arena-file ${arenaFile}\` at each step.`)
    output.line(`Give ${specOut} to whoever takes part: the chain has its digest only.`)
    return { arena, spec: specOut, creator: arenas.account, specDigest, baseDigest, pool, epochs }
  })
}
