/** Arenas on an EVM: views in one call each, answered once a block; every act is done once, however often it is asked for. */
import { CoveyError } from '../../base/errors.ts'
import type { ArenaLedger, ArenaView, EpochView } from '../../types/arena.ts'
import type { Hex, TxReceipt } from '../../types/ledger.ts'
import { adapterCommitment, arenaScoresCommitment } from '../abi/arena-commitment.ts'
import { checkArenaParams } from '../abi/arena-params.ts'
import {
  decodeArena,
  decodeEpoch,
  decodeNumber,
  decodeRole,
  encodeArenaParams,
  encodeArenaScores,
  encodeRole,
} from '../abi/arena-views.ts'
import { digestToHex } from '../abi/commitment.ts'
import { arenaInterface, tokenInterface } from '../abi/contracts.ts'
import { type ChainLink, toReceipt } from './link.ts'

export function arenaOf(link: ChainLink): ArenaLedger {
  const { arena: at } = link.at
  const me = link.account

  async function view(name: string, args: readonly unknown[]): Promise<Hex> {
    return link.rpc.call({ to: at, data: arenaInterface.encodeFunctionData(name, args) as Hex, name })
  }

  function act(name: string, args: readonly unknown[], stands: () => Promise<boolean>): Promise<TxReceipt | null> {
    return link.write(at, arenaInterface, name, async () => args, stands)
  }

  const arena: ArenaLedger['arena'] = (id) =>
    link.cached(`arena/${id}`, async () => decodeArena(await view('arenaView', [id])))
  const epoch: ArenaLedger['epoch'] = (id, number) =>
    link.cached(`epoch/${id}/${number}`, async () => decodeEpoch(await view('epochView', [id, number])))
  const roleOf: ArenaLedger['roleOf'] = (id, account) =>
    link.cached(`role/${id}/${account}`, async () => decodeRole(await view('roleOf', [id, account])))
  const credit: ArenaLedger['credit'] = (account) =>
    link.cached(`arena-credit/${account}`, async () => {
      const [claimable, earned] = await Promise.all([view('claimable', [account]), view('earned', [account])])
      return { claimable: decodeNumber('claimable', claimable), earned: decodeNumber('earned', earned) }
    })

  async function entry(id: number, number: number): Promise<EpochView['entries'][number] | undefined> {
    return (await epoch(id, number)).entries.find((seat) => seat.account === me)
  }

  async function seat(id: number, number: number): Promise<EpochView['validators'][number] | undefined> {
    return (await epoch(id, number)).validators.find((one) => one.account === me)
  }

  return {
    account: me,
    arena,
    epoch,
    roleOf,
    credit,
    async arenas() {
      const count = Number(decodeNumber('arenaCount', await view('arenaCount', [])))
      return Promise.all(Array.from({ length: count }, (_, i) => arena(i + 1)))
    },

    async create(params) {
      checkArenaParams(params, await link.time())
      const struct = encodeArenaParams(params)
      const receipt = await link.withPermit(at, params.pool, (permit) =>
        permit === null
          ? link.send(at, arenaInterface, 'createArena', [struct])
          : link.send(at, arenaInterface, 'createArenaWithPermit', [struct, ...permit], 'createArena'),
      )
      for (const log of receipt.logs) {
        const event = log.address === at ? arenaInterface.parseLog(log) : null
        if (event?.name === 'ArenaCreated') return Number(event.args[0])
      }
      throw new CoveyError('E_CONTRACT', `createArena: transaction ${receipt.hash} holds no ArenaCreated event`)
    },

    async fund(id, amount) {
      // a permit is taken for a new pool only: an approval goes first
      await link.send(link.at.token, tokenInterface, 'approve', [at, amount])
      return toReceipt(await link.send(at, arenaInterface, 'fund', [id, amount]))
    },

    cancel: async (id) => toReceipt(await link.send(at, arenaInterface, 'cancel', [id])),
    enter: (id, role) => act('enter', [id, encodeRole(role)], async () => (await roleOf(id, me)) === role),
    leave: (id) => act('leave', [id], async () => (await roleOf(id, me)) === null),
    startEpoch: (id) => act('startEpoch', [id], async () => (await arena(id)).phase !== 'idle'),

    async commit(id, number, reveal) {
      const commitment = adapterCommitment(id, number, me, reveal)
      return act('commit', [id, number, commitment], async () => (await entry(id, number))?.commitment === commitment)
    },

    async revealSlice(id, number, slice) {
      const args = [id, number, digestToHex(slice.digest), slice.size, slice.proof]
      return act('revealSlice', args, async () => {
        const shown = (await epoch(id, number)).slice
        return shown?.digest === slice.digest && shown.size === slice.size
      })
    },

    async reveal(id, number, reveal) {
      const commitment = adapterCommitment(id, number, me, reveal)
      return act('reveal', [id, number, digestToHex(reveal.digest), reveal.size, reveal.salt], async () => {
        const mine = await entry(id, number)
        return mine?.reveal != null && mine.commitment === commitment
      })
    },

    async commitScores(id, number, scores, salt) {
      const commitment = arenaScoresCommitment(id, number, me, scores, salt)
      const stands = async (): Promise<boolean> => (await seat(id, number))?.commitment === commitment
      return act('commitScores', [id, number, commitment], stands)
    },

    async revealScores(id, number, scores, salt) {
      const commitment = arenaScoresCommitment(id, number, me, scores, salt)
      return act('revealScores', [id, number, encodeArenaScores(scores), salt], async () => {
        const mine = await seat(id, number)
        return mine?.scores != null && mine.commitment === commitment
      })
    },

    async advance(id) {
      const before = await arena(id)
      // somebody else ended it
      return act('advance', [id], async () => before.phase === 'idle' || moved(before, await arena(id)))
    },

    close: (id) => act('close', [id], async () => !isOpen(await arena(id))),
    claim: () => act('claim', [], async () => (await credit(me)).claimable === 0n),
  }
}

const isOpen = ({ status }: ArenaView): boolean => status === 'open' || status === 'running'

function moved(before: ArenaView, now: ArenaView): boolean {
  return now.phase !== before.phase || now.epoch !== before.epoch || now.deadline !== before.deadline
}
