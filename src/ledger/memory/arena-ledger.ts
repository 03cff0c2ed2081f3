/** What one account sees of the arenas in memory, and does there: the twin of evm/arena.ts. */
import type { ArenaLedger } from '../../types/arena.ts'
import type { Address, TxReceipt } from '../../types/ledger.ts'
import { adapterCommitment, arenaScoresCommitment } from '../abi/arena-commitment.ts'
import type { MemoryChain } from './chain.ts'
import { isOpen } from './round.ts'

/** Sees and acts as `account`; no transaction can be lost here, so what stands is looked for once. */
export function memoryArenaLedger(chain: MemoryChain, account: Address): ArenaLedger {
  const { arenas } = chain

  function sealed(work: () => void): TxReceipt {
    work()
    return chain.seal()
  }

  const once = async (stands: () => boolean, work: () => void): Promise<TxReceipt | null> =>
    stands() ? null : sealed(work)
  const entry = (id: number, number: number) => arenas.epoch(id, number).entries.find((e) => e.account === account)
  const seat = (id: number, number: number) => arenas.epoch(id, number).validators.find((v) => v.account === account)

  return {
    account,
    arena: async (id) => arenas.arena(id),
    arenas: async () => Array.from({ length: arenas.count() }, (_, i) => arenas.arena(i + 1)),
    epoch: async (id, number) => arenas.epoch(id, number),
    roleOf: async (id, whose) => arenas.roleOf(id, whose),
    credit: async (whose) => arenas.credit(whose),

    async create(params) {
      const id = arenas.create(account, params)
      chain.seal()
      return id
    },
    fund: async (id, amount) => sealed(() => arenas.fund(account, id, amount)),
    cancel: async (id) => sealed(() => arenas.cancel(account, id)),
    enter: (id, role) =>
      once(
        () => arenas.roleOf(id, account) === role,
        () => arenas.enter(account, id, role),
      ),
    leave: (id) =>
      once(
        () => arenas.roleOf(id, account) === null,
        () => arenas.leave(account, id),
      ),
    startEpoch: (id) =>
      once(
        () => arenas.arena(id).phase !== 'idle',
        () => arenas.startEpoch(id),
      ),
    async commit(id, number, reveal) {
      const commitment = adapterCommitment(id, number, account, reveal)
      return once(
        () => entry(id, number)?.commitment === commitment,
        () => arenas.commit(account, id, number, commitment),
      )
    },
    async revealSlice(id, number, slice) {
      return once(
        () => {
          const shown = arenas.epoch(id, number).slice
          return shown?.digest === slice.digest && shown.size === slice.size
        },
        () => arenas.revealSlice(account, id, number, slice),
      )
    },
    async reveal(id, number, reveal) {
      const commitment = adapterCommitment(id, number, account, reveal)
      return once(
        () => {
          const mine = entry(id, number)
          return mine?.reveal != null && mine.commitment === commitment
        },
        () => arenas.reveal(account, id, number, reveal),
      )
    },
    async commitScores(id, number, scores, salt) {
      const commitment = arenaScoresCommitment(id, number, account, scores, salt)
      return once(
        () => seat(id, number)?.commitment === commitment,
        () => arenas.commitScores(account, id, number, commitment),
      )
    },
    async revealScores(id, number, scores, salt) {
      const commitment = arenaScoresCommitment(id, number, account, scores, salt)
      return once(
        () => {
          const mine = seat(id, number)
          return mine?.scores != null && mine.commitment === commitment
        },
        () => arenas.revealScores(account, id, number, scores, salt),
      )
    },
    advance: (id) =>
      once(
        () => arenas.arena(id).phase === 'idle',
        () => arenas.advance(account, id),
      ),
    close: (id) =>
      once(
        () => !isOpen(arenas.arena(id).status),
        () => arenas.close(id),
      ),
    claim: () =>
      once(
        () => arenas.credit(account).claimable === 0n,
        () => arenas.claim(account),
      ),
  }
}
