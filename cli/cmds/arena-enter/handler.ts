import { nodeFiles } from '../../../node/settings.ts'
import { loadPeerKey, peerIdOf } from '../../../src/transport/peer-key.ts'
import { arenaNumber } from '../../arenas.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { readPassword } from '../../password.ts'
import { shownSent } from '../../write/desk.ts'
import type { arenaEnterOptions } from './options.ts'

export const arenaEnterHandler: Handler<typeof arenaEnterOptions> = async (options, [number = ''], context) => {
  const { passwordFile, as: role, ...flags } = options
  const id = arenaNumber(number)
  const config = configOf(flags, context)
  return withLedger(config, passwordFile, context, async (ledger, _store, desk) => {
    const { output } = context
    if ((await ledger.node(ledger.account)) === null) {
      const key = await loadPeerKey(nodeFiles.peerKey(config.dir), await readPassword(passwordFile, context))
      const peerId = peerIdOf(key)
      await desk.send(
        { command: `register ${peerId}`, does: [`bind ${ledger.account} to the peer id ${peerId}`], repeatable: true },
        () => ledger.register(peerId, async (digest) => key.sign(digest)),
      )
    }
    const { rules, minStake } = (await ledger.arenas.arena(id)).params
    const sent = await desk.send(
      {
        command: `arena enter ${id} ${role}`,
        does: [
          `enter arena ${id} as ${role} with the stake of ${ledger.account}, at least ${output.amount(minStake)}`,
          `what breaks its rules costs up to ${Math.max(rules.faultBps, rules.slashBps) / 100} % of that stake an epoch`,
        ],
        repeatable: true,
      },
      () => ledger.arenas.enter(id, role),
    )
    output.line(`in arena ${id} as ${role}`)
    return { account: ledger.account, arena: id, role, ...shownSent(sent) }
  })
}
