import { expect } from 'chai'
import fc from 'fast-check'
import { keeperFee, roundBudget, settle } from '../../src/round/settlement.ts'
import type { Scores } from '../../src/types/ledger.ts'
import {
  type Account,
  delta,
  deltaCommitment,
  ethers,
  networkHelpers,
  pack,
  params,
  plainScores,
  proofOf,
  RULES,
  SLICES,
  STAKE,
  salt,
  scoresCommitment,
  seatsOf,
  TOKEN,
  withTask,
} from '../support/contracts-fixture.ts'

type World = Awaited<ReturnType<typeof withTask>>
type Acts = 'silent' | 'commits' | 'reveals'
interface Plan {
  readonly proposers: readonly Acts[]
  readonly probe: boolean
  readonly voters: readonly { readonly acts: Acts; readonly scores: Scores }[]
}

const PHASE = { idle: 0n, train: 1n, reveal: 2n, probe: 3n, score: 4n, tally: 5n }
const honest = (acts: Acts = 'reveals') => ({ acts, scores: plainScores(3) })
const everyone: Plan = { proposers: ['reveals', 'reveals', 'reveals'], probe: true, voters: [honest(), honest()] }

const phaseOf = async ({ tasks }: World): Promise<bigint> => (await tasks.taskView(1)).phase
/** Waits for the deadline and lets a stranger end the phase, unless it has ended by itself. */
async function endPhase(world: World, phase: bigint): Promise<void> {
  if ((await phaseOf(world)) !== phase) return
  const { deadline } = await world.tasks.taskView(1)
  await expect(world.tasks.connect(world.stranger).advance(1)).to.be.revertedWithCustomError(world.tasks, 'NotDue')
  await networkHelpers.time.setNextBlockTimestamp(deadline)
  await world.tasks.connect(world.stranger).advance(1)
  expect(await phaseOf(world)).not.to.equal(phase)
}

/** One round, everyone acting as planned; whoever is silent is waited for until the deadline. */
async function play(world: World, plan: Plan, round = 1): Promise<void> {
  const { tasks, creator } = world
  await tasks.connect(world.stranger).startRound(1)
  const { proposers, voters } = await seatsOf(world, round)
  const willReveal: Account[] = []
  for (const [i, p] of proposers.entries()) {
    const acts = plan.proposers[i] ?? 'reveals'
    if (acts !== 'silent') await tasks.connect(p).commit(1, round, deltaCommitment(1, round, p.address))
    if (acts === 'reveals') willReveal.push(p)
  }
  await endPhase(world, PHASE.train)
  for (const p of willReveal) {
    const d = delta(p.address)
    await tasks.connect(p).reveal(1, round, d.digest, d.size, d.base, salt(p.address))
  }
  await endPhase(world, PHASE.reveal)
  if (plan.probe && (await phaseOf(world)) === PHASE.probe) {
    await tasks.connect(creator).revealProbe(1, round, SLICES[round - 1] as string, 77, proofOf(round))
  }
  await endPhase(world, PHASE.probe)
  if ((await phaseOf(world)) === PHASE.idle) return
  for (const [i, v] of voters.entries()) {
    const { acts, scores } = plan.voters[i] ?? honest()
    const commitment = scoresCommitment(1, round, v.address, pack(scores))
    if (acts !== 'silent') await tasks.connect(v).commitScores(1, round, commitment)
  }
  await endPhase(world, PHASE.score)
  for (const [i, v] of voters.entries()) {
    const { acts, scores } = plan.voters[i] ?? honest()
    if (acts === 'reveals') await tasks.connect(v).revealScores(1, round, pack(scores), salt(v.address))
  }
  await endPhase(world, PHASE.tally)
}

async function expectSolvent({ token, vault, tasks, nodes, creator, stranger }: World): Promise<void> {
  const { poolLeft } = await tasks.taskView(1)
  let owed = poolLeft
  let staked = 0n
  for (const account of [...nodes, creator, stranger]) {
    owed += await tasks.claimable(account.address)
    staked += (await vault.stakeOf(account.address)) + (await vault.unbondingOf(account.address))
  }
  expect(await token.balanceOf(tasks.target)).to.equal(owed)
  expect(await token.balanceOf(vault.target)).to.equal(staked)
}

describe('a round', () => {
  it('ends at once when everyone acts, pays, and can be claimed', async () => {
    const world = await networkHelpers.loadFixture(withTask)
    const { tasks, token, nodes } = world
    const before = await networkHelpers.time.latest()
    await play(world, everyone)
    expect(await networkHelpers.time.latest()).to.be.below(before + params.durations.train)
    const view = await tasks.roundView(1, 1)
    expect([view.settled, view.phase, view.probeDigest, view.probeSize]).to.deep.equal([
      true,
      PHASE.idle,
      SLICES[0],
      77n,
    ])
    expect(view.agreedBase).to.equal(delta('').base)
    // 100 tokens a round: 20 to the voters, 80 by merit of equal medians
    for (const seat of view.proposers) expect(seat.paid).to.be.within(26_666n * 10n ** 15n, 26_667n * 10n ** 15n)
    for (const seat of view.voters) expect(seat.paid).to.equal(10n * TOKEN)
    let claimed = 0n
    for (const node of nodes) {
      const owed = await tasks.claimable(node.address)
      if (owed === 0n) {
        await expect(tasks.connect(node).claim()).to.be.revertedWithCustomError(tasks, 'NothingToClaim')
        continue
      }
      const wallet = await token.balanceOf(node.address)
      await tasks.connect(node).claim()
      expect(await token.balanceOf(node.address)).to.equal(wallet + owed)
      expect(await tasks.claimable(node.address)).to.equal(0n)
      expect(await tasks.earned(node.address)).to.equal(owed)
      claimed += owed
    }
    expect(300n * TOKEN - (await tasks.taskView(1)).poolLeft).to.equal(claimed)
    await expectSolvent(world)
  })

  it('seats proposers and voters apart, with their stake as weight', async () => {
    const world = await networkHelpers.loadFixture(withTask)
    await world.tasks.startRound(1)
    const view = await world.tasks.roundView(1, 1)
    const accounts = [...view.proposers, ...view.voters].map((s: { account: string }) => s.account)
    expect(new Set(accounts).size).to.equal(5)
    for (const seat of [...view.proposers, ...view.voters]) expect(seat.weight).to.equal(STAKE)
  })

  it('after the last one the task is finished and the rest of the pool is owed to the creator', async () => {
    const world = await networkHelpers.loadFixture(withTask)
    for (const round of [1, 2, 3]) await play(world, everyone, round)
    const { tasks, creator } = world
    const view = await tasks.taskView(1)
    expect([view.status, view.round, view.poolLeft]).to.deep.equal([2n, 3n, 0n])
    expect(await tasks.earned(creator.address)).to.equal(0n)
    await expect(tasks.startRound(1)).to.be.revertedWithCustomError(tasks, 'TaskClosed')
    await expectSolvent(world)
  })

  it('a liar is slashed and its stake burnt; below minStake it is not drawn again', async () => {
    const world = await networkHelpers.loadFixture(withTask)
    const { tasks, token, vault, nodes } = world
    const supply = await token.totalSupply()
    const lie: Scores = { ...plainScores(3), probe: [-900, 100, 100] }
    await play(world, { ...everyone, voters: [honest(), honest()].map((v) => ({ ...v, scores: lie })) })
    const view = await tasks.roundView(1, 1)
    expect(view.proposers.map((s: { outcome: bigint }) => s.outcome)).to.deep.equal([7n, 0n, 0n])
    const slashed = view.proposers[0].account
    const burnt = await vault.slashedOf(slashed)
    expect(burnt).to.equal(STAKE / 10n)
    expect(await token.totalSupply()).to.equal(supply - burnt)
    await expectSolvent(world)
    // stake 90 is above minStake 50; taken down below it, the node is not eligible
    expect(await tasks.eligibleCount(1)).to.equal(6n)
    const node = nodes.find((n) => n.address === slashed) as Account
    await vault.connect(node).requestWithdraw((await vault.stakeOf(slashed)) - 40n * TOKEN)
    expect(await tasks.eligibleCount(1)).to.equal(5n)
    await vault.connect(node).deposit(10n * TOKEN)
    expect(await tasks.eligibleCount(1)).to.equal(6n)
  })

  it('every phase ends by its deadline and settles as the TypeScript twin says, whoever is silent', async () => {
    const acts = fc.constantFrom<Acts>('silent', 'commits', 'reveals', 'reveals')
    const score = fc.constantFrom(-32_768, -600, -90, 0, 80, 100, 120)
    const three = fc.array(score, { minLength: 3, maxLength: 3 })
    const scores = fc.record({ probe: three, private: three, incumbentProbe: score, incumbentPrivate: score })
    const plan = fc.record({
      proposers: fc.array(acts, { minLength: 3, maxLength: 3 }),
      probe: fc.boolean(),
      voters: fc.array(fc.record({ acts, scores }), { minLength: 2, maxLength: 2 }),
    })
    await fc.assert(
      fc.asyncProperty(plan, async (p) => {
        const world = await networkHelpers.loadFixture(withTask)
        await play(world, p)
        const view = await world.tasks.roundView(1, 1)
        const anyReveal = p.proposers.includes('reveals')
        // who ends phases is paid before the round is
        const poolLeft = params.pool - (await world.tasks.claimable(world.stranger.address))
        expect(poolsAfterLatePhases(params.pool, params.rounds)).to.include(poolLeft)
        const twin = settle({
          round: 1,
          budget: roundBudget(poolLeft, params.rounds, 1),
          probe: p.probe && anyReveal,
          rules: RULES,
          proposers: p.proposers.map((a) => ({
            weight: STAKE,
            commitment: a === 'silent' ? null : '0x01',
            reveal: a === 'reveals' ? { digest: '', size: 1, baseDigest: delta('').base } : null,
          })),
          voters: p.voters.map((v) => ({
            weight: STAKE,
            commitment: v.acts === 'silent' || !anyReveal ? null : '0x01',
            scores: v.acts === 'reveals' && anyReveal ? v.scores : null,
          })),
        })
        const brief = (s: { paid: bigint; slashBps: bigint | number }) => [s.paid, Number(s.slashBps)]
        expect(view.settled).to.equal(true)
        expect(view.proposers.map(brief)).to.deep.equal(twin.proposers.map(brief))
        expect(view.voters.map(brief)).to.deep.equal(twin.voters.map(brief))
        expect(view.proposers.map((s: { median: bigint }) => Number(s.median))).to.deep.equal(
          twin.proposers.map((s) => s.median),
        )
        await expectSolvent(world)
        await world.tasks.startRound(1)
      }),
      { seed: 31, numRuns: 40 },
    )
  })

  it('refuses acts after the deadline even when nobody has advanced', async () => {
    const world = await networkHelpers.loadFixture(withTask)
    await world.tasks.startRound(1)
    const { proposers } = await seatsOf(world, 1)
    const p = proposers[0] as Account
    await networkHelpers.time.setNextBlockTimestamp((await world.tasks.taskView(1)).deadline)
    const late = world.tasks.connect(p).commit(1, 1, deltaCommitment(1, 1, p.address))
    await expect(late).to.be.revertedWithCustomError(world.tasks, 'DeadlinePassed')
  })

  it('skips the probe phase of a task without a probe', async () => {
    const world = await networkHelpers.loadFixture(withTask)
    const { tasks, creator, nodes } = world
    await tasks.connect(creator).createTask({ ...params, probeRoot: ethers.ZeroHash, proposers: 1, voters: 1 })
    for (const node of nodes.slice(0, 2)) await tasks.connect(node).join(2)
    await tasks.startRound(2)
    const { account } = (await tasks.roundView(2, 1)).proposers[0]
    const p = nodes.find((n) => n.address === account) as Account
    const d = delta(account)
    await tasks.connect(p).commit(2, 1, deltaCommitment(2, 1, account))
    await tasks.connect(p).reveal(2, 1, d.digest, d.size, d.base, salt(account))
    expect((await tasks.taskView(2)).phase).to.equal(PHASE.score)
  })
})

/** What is left of a pool in round 1 after none to five phases that were ended late. */
function poolsAfterLatePhases(pool: bigint, rounds: number): bigint[] {
  const left = [pool]
  for (let i = 0; i < 5; i++) {
    const last = left[i] as bigint
    left.push(last - keeperFee(roundBudget(last, rounds, 1)))
  }
  return left
}

describe('commitments', () => {
  it('of another task, round or account do not open', async () => {
    const world = await networkHelpers.loadFixture(withTask)
    const { tasks } = world
    await tasks.startRound(1)
    const { proposers, voters } = await seatsOf(world, 1)
    const [a, b, c] = proposers as [Account, Account, Account]
    await tasks.connect(a).commit(1, 1, deltaCommitment(2, 1, a.address))
    await tasks.connect(b).commit(1, 1, deltaCommitment(1, 2, b.address))
    await tasks.connect(c).commit(1, 1, deltaCommitment(1, 1, a.address, delta(a.address), salt(a.address)))
    const open = (node: Account, of: Account) => {
      const d = delta(of.address)
      return tasks.connect(node).reveal(1, 1, d.digest, d.size, d.base, salt(of.address))
    }
    await expect(open(a, a)).to.be.revertedWithCustomError(tasks, 'CommitmentMismatch')
    await expect(open(b, b)).to.be.revertedWithCustomError(tasks, 'CommitmentMismatch')
    await expect(open(c, a)).to.be.revertedWithCustomError(tasks, 'CommitmentMismatch')
    await expect(open(voters[0] as Account, a)).to.be.revertedWithCustomError(tasks, 'NotProposer')
    await expect(open(world.stranger, a)).to.be.revertedWithCustomError(tasks, 'NotProposer')
  })

  it('cannot be replaced, repeated or empty', async () => {
    const world = await networkHelpers.loadFixture(withTask)
    const { tasks } = world
    await tasks.startRound(1)
    const { proposers, voters } = await seatsOf(world, 1)
    const [a, b] = proposers as [Account, Account]
    await expect(tasks.connect(a).commit(1, 1, ethers.ZeroHash)).to.be.revertedWithCustomError(tasks, 'EmptyCommitment')
    await expect(tasks.connect(a).commit(1, 2, salt('x'))).to.be.revertedWithCustomError(tasks, 'WrongRound')
    await tasks.connect(a).commit(1, 1, deltaCommitment(1, 1, a.address))
    await expect(tasks.connect(a).commit(1, 1, salt('x'))).to.be.revertedWithCustomError(tasks, 'AlreadyCommitted')
    const d = delta(a.address)
    const reveal = () => tasks.connect(a).reveal(1, 1, d.digest, d.size, d.base, salt(a.address))
    await expect(reveal()).to.be.revertedWithCustomError(tasks, 'WrongPhase')
    await tasks.connect(b).commit(1, 1, deltaCommitment(1, 1, b.address))
    await endPhase(world, PHASE.train)
    await reveal()
    await expect(reveal()).to.be.revertedWithCustomError(tasks, 'AlreadyRevealed')
    const v = voters[0] as Account
    const vote = tasks.connect(v).commitScores(1, 1, salt('x'))
    await expect(vote).to.be.revertedWithCustomError(tasks, 'WrongPhase')
  })

  it('scores open only with the right length, salt and owner', async () => {
    const world = await networkHelpers.loadFixture(withTask)
    const { tasks, creator } = world
    await tasks.startRound(1)
    const { proposers, voters } = await seatsOf(world, 1)
    for (const p of proposers) await tasks.connect(p).commit(1, 1, deltaCommitment(1, 1, p.address))
    for (const p of proposers) {
      const d = delta(p.address)
      await tasks.connect(p).reveal(1, 1, d.digest, d.size, d.base, salt(p.address))
    }
    const [slice1, slice2] = SLICES as [string, string]
    const probe = (from: Account, slice: string, of: number) =>
      tasks.connect(from).revealProbe(1, 1, slice, 7, proofOf(of))
    await expect(probe(world.stranger, slice1, 1)).to.be.revertedWithCustomError(tasks, 'NotCreator')
    await expect(probe(creator, slice2, 2)).to.be.revertedWithCustomError(tasks, 'BadProof')
    await expect(probe(creator, slice1, 2)).to.be.revertedWithCustomError(tasks, 'BadProof')
    await probe(creator, slice1, 1)
    const [u, v] = voters as [Account, Account]
    const packed = pack(plainScores(3))
    await tasks.connect(u).commitScores(1, 1, scoresCommitment(1, 1, u.address, packed))
    await tasks.connect(v).commitScores(1, 1, scoresCommitment(1, 1, u.address, packed, salt(u.address)))
    const open = (from: Account, scores: string, s: string) => tasks.connect(from).revealScores(1, 1, scores, s)
    await expect(open(v, packed, salt(u.address))).to.be.revertedWithCustomError(tasks, 'CommitmentMismatch')
    await expect(open(u, packed, salt('x'))).to.be.revertedWithCustomError(tasks, 'CommitmentMismatch')
    await expect(open(u, pack(plainScores(2)), salt(u.address))).to.be.revertedWithCustomError(tasks, 'BadScoresLength')
    await expect(open(proposers[0] as Account, packed, salt('x'))).to.be.revertedWithCustomError(tasks, 'NotVoter')
    await open(u, packed, salt(u.address))
    await expect(open(u, packed, salt(u.address))).to.be.revertedWithCustomError(tasks, 'AlreadyRevealed')
  })
})
