/** Tasks from their creation to the end of each round; every act is done once, however often it is asked for. */
import { CoveyError } from '../../base/errors.ts'
import { hasRevealed, hasScored } from '../../round/seats.ts'
import type { Ledger, RoundView } from '../../types/ledger.ts'
import { deltaCommitment, digestToHex, scoresCommitment } from '../abi/commitment.ts'
import { tasksInterface, tokenInterface } from '../abi/contracts.ts'
import { checkTaskParams } from '../abi/params.ts'
import { encodeParams, encodeScores } from '../abi/views.ts'
import { type ChainLink, toReceipt } from './link.ts'

export type Rounds = Pick<
  Ledger,
  | 'createTask'
  | 'fundTask'
  | 'cancelTask'
  | 'join'
  | 'leave'
  | 'startRound'
  | 'commit'
  | 'reveal'
  | 'revealProbe'
  | 'commitScores'
  | 'revealScores'
  | 'advance'
>

/** @param reads what an act looks at before it is sent */
export function roundsOf(link: ChainLink, reads: Pick<Ledger, 'task' | 'round' | 'isEnrolled'>): Rounds {
  const { tasks } = link.at
  const me = link.account

  async function proposer(task: number, round: number): Promise<RoundView['proposers'][number] | undefined> {
    return (await reads.round(task, round)).proposers.find((seat) => seat.account === me)
  }

  async function voter(task: number, round: number): Promise<RoundView['voters'][number] | undefined> {
    return (await reads.round(task, round)).voters.find((seat) => seat.account === me)
  }

  return {
    async createTask(params) {
      checkTaskParams(params)
      const struct = encodeParams(params)
      const receipt = await link.withPermit(tasks, params.pool, (permit) =>
        permit === null
          ? link.send(tasks, tasksInterface, 'createTask', [struct])
          : link.send(tasks, tasksInterface, 'createTaskWithPermit', [struct, ...permit], 'createTask'),
      )
      for (const log of receipt.logs) {
        const event = log.address === tasks ? tasksInterface.parseLog(log) : null
        if (event?.name === 'TaskCreated') return Number(event.args[0])
      }
      throw new CoveyError('E_CONTRACT', `createTask: transaction ${receipt.hash} holds no TaskCreated event`)
    },

    async fundTask(task, amount) {
      // the tasks contract takes a permit for a new pool only: an approval goes first
      await link.send(link.at.token, tokenInterface, 'approve', [tasks, amount])
      return toReceipt(await link.send(tasks, tasksInterface, 'fund', [task, amount]))
    },

    cancelTask: async (task) => toReceipt(await link.send(tasks, tasksInterface, 'cancel', [task])),
    join: (task) => link.act('join', [task], () => reads.isEnrolled(task, me)),
    leave: (task) => link.act('leave', [task], async () => !(await reads.isEnrolled(task, me))),
    startRound: (task) => link.act('startRound', [task], async () => (await reads.task(task)).phase !== 'idle'),

    async commit(task, round, reveal) {
      const commitment = deltaCommitment(task, round, me, reveal)
      const stands = async (): Promise<boolean> => {
        const seat = await proposer(task, round)
        return seat?.commitment === commitment || hasRevealed(seat, reveal)
      }
      return link.act('commit', [task, round, commitment], stands)
    },

    async reveal(task, round, reveal) {
      const { size, salt } = reveal
      const digests = [digestToHex(reveal.digest), digestToHex(reveal.baseDigest, 'baseDigest')]
      return link.act('reveal', [task, round, digests[0], size, digests[1], salt], async () =>
        hasRevealed(await proposer(task, round), reveal),
      )
    },

    async revealProbe(task, round, slice) {
      const args = [task, round, digestToHex(slice.digest), slice.size, slice.proof]
      return link.act('revealProbe', args, async () => {
        const { probe } = await reads.round(task, round)
        return probe?.digest === slice.digest && probe.size === slice.size
      })
    },

    async commitScores(task, round, scores, salt) {
      const commitment = scoresCommitment(task, round, me, scores, salt)
      const stands = async (): Promise<boolean> => {
        const seat = await voter(task, round)
        return seat?.commitment === commitment || hasScored(seat, scores)
      }
      return link.act('commitScores', [task, round, commitment], stands)
    },

    async revealScores(task, round, scores, salt) {
      return link.act('revealScores', [task, round, encodeScores(scores), salt], async () =>
        hasScored(await voter(task, round), scores),
      )
    },

    async advance(task) {
      const before = await reads.task(task)
      return link.act('advance', [task], async () => {
        const { phase, round, deadline } = await reads.task(task)
        // somebody else ended it
        return phase === 'idle' || round !== before.round || phase !== before.phase || deadline !== before.deadline
      })
    },
  }
}
