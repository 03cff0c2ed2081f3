/** An arena on Hardhat's simulated chain: entrants, validators, a delegator, and how they play an epoch. */
import { adapterCommitment, arenaScoresCommitment } from '../../src/ledger/abi/arena-commitment.ts'
import { packScoreList } from '../../src/round/score-list.ts'
import type { Hex } from '../../src/types/ledger.ts'
import {
  type Account,
  ethers,
  id32,
  networkHelpers,
  PROBE_ROOT,
  proofOf,
  SLICES,
  STAKE,
  salt,
  TOKEN,
  withNodes,
} from './contracts-fixture.ts'

export const ROLE = { entrant: 1, validator: 2 }
export const PHASE = { idle: 0n, submit: 1n, slice: 2n, reveal: 3n, score: 4n, tally: 5n }

export const arenaParams = {
  specDigest: id32('spec'),
  baseDigest: id32('base'),
  probeRoot: PROBE_ROOT,
  pool: 300n * TOKEN,
  minStake: 50n * TOKEN,
  endsAt: 0,
  epochs: 3,
  entrants: 3,
  validators: 2,
  durations: { submit: 600, slice: 60, reveal: 60, score: 120, tally: 60 },
  rules: {
    gammaBps: 2000,
    ratioBps: 5000,
    alpha: 1,
    floor: 0,
    tolerance: 10,
    slashBps: 1000,
    faultBps: 100,
    keeperBps: 50,
  },
}

/** Six nodes: the first three are entrants, two of the others validators (arena 1); the stranger has delegated to the first. */
export async function withArena() {
  const all = await withNodes()
  const { token, arena, vault, creator, nodes, stranger } = all
  const [a, b, c, d, e] = nodes as [Account, Account, Account, Account, Account]
  await token.connect(creator).approve(arena.target, ethers.MaxUint256)
  const endsAt = (await networkHelpers.time.latest()) + 30 * 24 * 3600
  await arena.connect(creator).createArena({ ...arenaParams, endsAt })
  await vault.connect(a).setCommission(1000)
  await token.transfer(stranger.address, 100n * TOKEN)
  await token.connect(stranger).approve(vault.target, ethers.MaxUint256)
  await vault.connect(stranger).delegate(a.address, STAKE / 2n, 1000)
  for (const node of [a, b, c]) await arena.connect(node).enter(1, ROLE.entrant)
  for (const node of [d, e]) await arena.connect(node).enter(1, ROLE.validator)
  return { ...all, endsAt, entrants: [a, b, c], validators: [d, e] }
}
export type ArenaWorld = Awaited<ReturnType<typeof withArena>>

export const adapterOf = (of: string) => ({
  digest: id32(`adapter ${of}`).slice(2),
  size: 1234,
  salt: salt(of) as Hex,
})

type Acts = 'silent' | 'commits' | 'reveals'
export interface EpochPlan {
  readonly entrants: readonly { readonly acts: Acts /** whose bytes */; readonly adapter?: string }[]
  readonly slice: boolean
  /** `scores`: one per entrant in the order of their commits, then the champion's */
  readonly validators: readonly { readonly acts: Acts; readonly scores: readonly number[] }[]
}

/** One epoch of arena `id`, everyone acting as planned; whoever is silent is waited for until the deadline. */
export async function playEpoch(world: ArenaWorld, plan: EpochPlan, epoch = 1, id = 1): Promise<void> {
  const { arena, creator, stranger, entrants } = world
  const phase = async (): Promise<bigint> => (await arena.arenaView(id)).phase
  const end = async (of: bigint): Promise<void> => {
    if ((await phase()) !== of) return
    await networkHelpers.time.setNextBlockTimestamp((await arena.arenaView(id)).deadline)
    await arena.connect(stranger).advance(id)
  }
  await arena.connect(stranger).startEpoch(id)
  const plans = entrants.map((account, i) => ({ acts: 'reveals' as Acts, ...plan.entrants[i], account }))
  for (const { acts, adapter, account } of plans) {
    if (acts === 'silent') continue
    const { address } = account
    const commitment = adapterCommitment(id, epoch, address as Hex, adapterOf(adapter ?? address))
    await arena.connect(account).commit(id, epoch, commitment)
  }
  await end(PHASE.submit)
  if (plan.slice && (await phase()) === PHASE.slice)
    await arena.connect(creator).revealSlice(id, epoch, SLICES[epoch - 1] as string, 77, proofOf(epoch))
  await end(PHASE.slice)
  for (const { acts, adapter, account } of plans) {
    if (acts !== 'reveals' || (await phase()) !== PHASE.reveal) continue
    const { digest, size, salt: secret } = adapterOf(adapter ?? account.address)
    await arena.connect(account).reveal(id, epoch, `0x${digest}`, size, secret)
  }
  await end(PHASE.reveal)
  const view = await arena.epochView(id, epoch)
  const seats = (view.validators as { account: string }[]).map(({ account }) => {
    const i = world.validators.findIndex((v) => v.address === account)
    return {
      account: world.validators[i] as Account,
      ...(plan.validators[i] ?? { acts: 'silent' as Acts, scores: [] }),
    }
  })
  for (const { account, acts, scores } of seats) {
    if (acts === 'silent' || (await phase()) !== PHASE.score) continue
    const secret = salt(account.address) as Hex
    const commitment = arenaScoresCommitment(id, epoch, account.address as Hex, scores, secret)
    await arena.connect(account).commitScores(id, epoch, commitment)
  }
  await end(PHASE.score)
  for (const { account, acts, scores } of seats) {
    if (acts !== 'reveals' || (await phase()) !== PHASE.tally) continue
    const packed = ethers.hexlify(packScoreList(scores))
    await arena.connect(account).revealScores(id, epoch, packed, salt(account.address))
  }
  await end(PHASE.tally)
}
