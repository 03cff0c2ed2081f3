/** What recorded quickstarts say of medians: the parameters of the simulated votes. */
import { CoveyError } from '../../src/base/errors.ts'
import { SCORE_CLIP, SCORE_SCALE } from '../../src/types/ledger.ts'
import { readResults } from '../results-file.ts'

/** One recorded round: the medians of its honest proposers and of the one that did not do its work, 1/SCORE_SCALE nat. */
export interface RecordedRound {
  readonly honest: readonly number[]
  readonly other: readonly number[]
}

/** How the last node of a run behaved. */
export type Conduct = 'honest' | 'zeros' | 'noise' | 'flip'

interface Recording {
  readonly command: string
  readonly result: {
    readonly rounds: readonly { readonly medians: Readonly<Record<string, number>> }[]
    readonly rewards: readonly { readonly account: string; readonly node: string }[]
  }
}

/** Rounds by conduct, of every recorded quickstart; those of a dishonest conduct only where that node had a proposer's seat. */
export function recordedRounds(): Readonly<Record<Conduct, readonly RecordedRound[]>> {
  const rounds: Record<Conduct, RecordedRound[]> = { honest: [], zeros: [], noise: [], flip: [] }
  for (const folder of ['', 'seeds'])
    for (const [, { command, result }] of readResults<Recording>(folder)) {
      const conduct = conductOf(command)
      // quickstart's liars and idlers are its last nodes
      const last = result.rewards.at(-1)?.account
      for (const { medians } of result.rounds) {
        const all = Object.entries(medians)
        const units = (wanted: (account: string) => boolean): number[] =>
          all.filter(([account]) => wanted(account)).map(([, nats]) => toUnits(nats))
        if (conduct === 'honest') rounds.honest.push({ honest: units(() => true), other: [] })
        else if (last !== undefined && last in medians)
          rounds[conduct].push({ honest: units((a) => a !== last), other: units((a) => a === last) })
      }
    }
  for (const [conduct, list] of Object.entries(rounds))
    if (list.length === 0)
      throw new CoveyError('E_ARGUMENT', `docs/results holds no quickstart with a proposer of conduct ${conduct}`)
  return rounds
}

/** @throws CoveyError for a run with several nodes that misbehave, which say too little of one */
function conductOf(command: string): Conduct {
  const option = (name: string): string | undefined => new RegExp(`--${name} (\\S+)`).exec(command)?.[1]
  const [liars, idlers] = [Number(option('liar') ?? 0), Number(option('idle') ?? 0)]
  if (liars + idlers > 1) throw new CoveyError('E_ARGUMENT', `expected one node that misbehaves: ${command}`)
  if (idlers === 1) return 'zeros'
  if (liars === 0) return 'honest'
  return option('attack')?.startsWith('noise') ? 'noise' : 'flip'
}

function toUnits(nats: number): number {
  return Math.max(-SCORE_CLIP, Math.min(SCORE_CLIP, Math.round(nats * SCORE_SCALE)))
}
