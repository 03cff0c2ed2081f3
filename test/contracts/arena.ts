import { expect } from 'chai'
import fc from 'fast-check'
import { settleEpoch } from '../../src/round/arena.ts'
import { ALPHAS, ENTRY_OUTCOMES } from '../../src/types/arena.ts'
import { SCORE_ABSENT } from '../../src/types/ledger.ts'
import {
  type ArenaWorld,
  adapterOf,
  arenaParams,
  type EpochPlan,
  PHASE,
  playEpoch,
  ROLE,
  withArena,
} from '../support/arena-world.ts'
import {
  type Account,
  deployArenaLibraries,
  ethers,
  id32,
  networkHelpers,
  proofOf,
  SLICES,
  STAKE,
  salt,
  TOKEN,
} from '../support/contracts-fixture.ts'

const reveals = { acts: 'reveals' } as const
const scores = (...list: number[]) => ({ acts: 'reveals', scores: list }) as const
const everyone: EpochPlan = {
  entrants: [reveals, reveals, reveals],
  slice: true,
  validators: [scores(300, 200, 100, 0), scores(302, 198, 100, 0)],
}

/** What the twin says of an epoch as it stands on chain. */
async function expected({ arena }: ArenaWorld, epoch: number) {
  const view = await arena.epochView(1, epoch)
  const { rules } = (await arena.arenaView(1)).params
  const bps = Object.fromEntries(Object.keys(arenaParams.rules).map((name) => [name, Number(rules[name])]))
  return settleEpoch({
    budget: BigInt(view.budget) - BigInt(view.fees),
    rules: { ...(bps as typeof arenaParams.rules), alpha: ALPHAS[Number(rules.alpha)] as (typeof ALPHAS)[number] },
    slice: view.sliceDigest !== ethers.ZeroHash,
    champion: view.champion.digest !== ethers.ZeroHash,
    entries: view.adapters.map((e: { weight: bigint; digest: string; copied: boolean; since: bigint }) => ({
      weight: e.weight,
      reveal: e.digest === ethers.ZeroHash ? null : { digest: e.digest.slice(2), size: 1 },
      copied: e.copied,
      since: Number(e.since),
    })),
    validators: view.validators.map(
      (v: { weight: bigint; commitment: string; revealed: boolean; packedScores: string }) => ({
        weight: v.weight,
        commitment: v.commitment === ethers.ZeroHash ? null : v.commitment,
        scores: v.revealed
          ? Array.from({ length: (v.packedScores.length - 2) / 4 }, (_, i) =>
              Buffer.from(v.packedScores.slice(2 + 4 * i, 6 + 4 * i), 'hex').readInt16BE(),
            )
          : null,
      }),
    ),
  })
}

async function standsAsTheTwinSays(world: ArenaWorld, epoch: number): Promise<void> {
  const view = await world.arena.epochView(1, epoch)
  const twin = await expected(world, epoch)
  expect(view.settled).to.equal(true)
  expect(
    view.adapters.map((e: { outcome: bigint; median: bigint; rank: bigint; paid: bigint; slashBps: bigint }) => ({
      outcome: ENTRY_OUTCOMES[Number(e.outcome)],
      median: Number(e.median),
      rank: Number(e.rank),
      paid: e.paid,
      slashBps: Number(e.slashBps),
    })),
  ).to.deep.equal(twin.entries)
  expect(view.validators.map((v: { paid: bigint }) => v.paid)).to.deep.equal(twin.validators.map((v) => v.paid))
  expect([Number(view.championMedian), Number(view.next)]).to.deep.equal([twin.championMedian, twin.next])
}

const plan: fc.Arbitrary<EpochPlan> = fc.record({
  entrants: fc.tuple(
    ...[0, 1, 2].map(() =>
      fc.record({
        acts: fc.constantFrom('silent', 'commits', 'reveals', 'reveals'),
        adapter: fc.constantFrom('x', 'y', 'z', undefined),
      }),
    ),
  ),
  slice: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
  validators: fc.tuple(
    ...[0, 1].map(() =>
      fc.record({
        acts: fc.constantFrom('silent', 'commits', 'reveals', 'reveals', 'reveals'),
        scores: fc.array(fc.oneof(fc.integer({ min: -50, max: 300 }), fc.constant(SCORE_ABSENT)), {
          minLength: 4,
          maxLength: 4,
        }),
      }),
    ),
  ),
}) as fc.Arbitrary<EpochPlan>

describe('CoveyArena', () => {
  const open = (): Promise<ArenaWorld> => networkHelpers.loadFixture(withArena)

  it('pays ranks, validators and delegators, out of escrow, and makes the best one the champion', async () => {
    const world = await open()
    const { arena, vault, token, entrants, validators, stranger, creator } = world
    await playEpoch(world, everyone)
    await standsAsTheTwinSays(world, 1)
    const [first] = entrants as [Account]
    const view = await arena.epochView(1, 1)
    expect(view.budget).to.equal(100n * TOKEN)
    const delegated = (await vault.delegations(stranger.address))[0].rewards
    expect(delegated).to.be.greaterThan(0n)
    // a wei of the delegators' part may stay behind in the index
    expect(view.adapters[0].paid - delegated - (await arena.claimable(first.address))).to.be.within(0n, 1n)
    for (const account of [...entrants, ...validators]) {
      const before = await token.balanceOf(account.address)
      const owed = await arena.claimable(account.address)
      await arena.connect(account).claim()
      expect(await token.balanceOf(account.address)).to.equal(before + owed)
      await expect(arena.connect(account).claim()).to.be.revertedWithCustomError(arena, 'NothingToClaim')
    }
    await vault.connect(stranger).claimDelegation(first.address)
    expect(await token.balanceOf(arena.target)).to.equal((await arena.arenaView(1)).poolLeft)
    const { champion } = await arena.arenaView(1)
    expect([champion.account, champion.digest]).to.deep.equal([first.address, `0x${adapterOf(first.address).digest}`])
    // the second epoch measures it beside the others; nobody is better, so it stays
    await playEpoch(world, { ...everyone, validators: [scores(150, 149, 0, 150), scores(150, 149, 0, 150)] }, 2)
    await standsAsTheTwinSays(world, 2)
    expect((await arena.arenaView(1)).champion.epoch).to.equal(1n)
    await playEpoch(world, { ...everyone, validators: [scores(150, 151, 0, 150), scores(150, 151, 0, 150)] }, 3)
    const after = await arena.arenaView(1)
    expect([after.champion.account, after.champion.epoch]).to.deep.equal([entrants[1]?.address, 3n])
    // the third was the last: what is left is the creator's
    expect([after.status, after.poolLeft]).to.deep.equal([2n, 0n])
    expect(await arena.claimable(creator.address)).to.be.lessThan(20n)
    await expect(arena.startEpoch(1)).to.be.revertedWithCustomError(arena, 'ArenaClosed')
  })

  it('settles any epoch as the twin does', async () => {
    await fc.assert(
      fc.asyncProperty(plan, plan, async (one, two) => {
        const world = await open()
        await playEpoch(world, fit(one), 1)
        await standsAsTheTwinSays(world, 1)
        await playEpoch(world, fit(two), 2)
        await standsAsTheTwinSays(world, 2)
      }),
      { seed: 51, numRuns: 12 },
    )
  })

  it('a copy of what another account showed first is not paid', async () => {
    const world = await open()
    const own = world.entrants[0]?.address as string
    await playEpoch(world, everyone)
    await playEpoch(world, { ...everyone, entrants: [reveals, { ...reveals, adapter: own }, reveals] }, 2)
    const { adapters: entries } = await world.arena.epochView(1, 2)
    expect(entries.map((e: { copied: boolean }) => e.copied)).to.deep.equal([false, true, false])
    expect(entries[1].paid).to.equal(0n)
    expect(entries[0].since).to.equal(1n)
  })

  it('without a slice nobody shows anything, is paid or is at fault; the keeper gets its part', async () => {
    const world = await open()
    const { arena, stranger, vault, entrants } = world
    await playEpoch(world, { ...everyone, slice: false })
    const view = await arena.epochView(1, 1)
    expect(
      view.adapters.every((e: { digest: string; paid: bigint }) => e.digest === ethers.ZeroHash && e.paid === 0n),
    ).to.equal(true)
    for (const { address } of entrants) expect(await vault.slashedOf(address)).to.equal(0n)
    // the full house ended submit by itself: one phase was ended late
    expect(view.fees).to.equal(view.budget / 200n)
    expect(await arena.claimable(stranger.address)).to.equal(view.fees)
    // what was not paid makes the later epochs larger
    await arena.startEpoch(1)
    expect((await arena.epochView(1, 2)).budget).to.equal((300n * TOKEN - view.fees) / 2n)
  })

  it('commits without reveal cost faultBps of the stake behind them, lies slashBps', async () => {
    const world = await open()
    const { vault, entrants, validators } = world
    await playEpoch(world, {
      entrants: [reveals, { acts: 'commits' }, reveals],
      slice: true,
      validators: [scores(300, SCORE_ABSENT, 100, 0), { acts: 'commits', scores: [0, 0, 0, 0] }],
    })
    await standsAsTheTwinSays(world, 1)
    expect(await vault.slashedOf(entrants[1]?.address)).to.equal(STAKE / 100n)
    expect(await vault.slashedOf(validators[1]?.address)).to.equal(STAKE / 100n)
    expect(await vault.slashedOf(entrants[0]?.address)).to.equal(0n)
  })

  it('an arena that is full takes whoever has more stake, never from one who has committed', async () => {
    const world = await open()
    const { arena, vault, nodes, entrants, token } = world
    const late = nodes[5] as Account
    await expect(arena.connect(late).enter(1, ROLE.entrant)).to.be.revertedWithCustomError(arena, 'ArenaFull')
    await token.connect(late).approve(vault.target, ethers.MaxUint256)
    await vault.connect(late).deposit(STAKE)
    await arena.startEpoch(1)
    const commit = (account: Account) => arena.connect(account).commit(1, 1, id32('c'))
    // the first has 150 tokens with its delegation, the others 100: the first of those gives way
    await commit(entrants[1] as Account)
    await arena.connect(late).enter(1, ROLE.entrant)
    expect((await arena.arenaView(1)).entrants).to.deep.equal([
      entrants[0]?.address,
      entrants[1]?.address,
      late.address,
    ])
    await expect(commit(entrants[2] as Account)).to.be.revertedWithCustomError(arena, 'NotEntrant')
    await expect(arena.connect(entrants[1]).leave(1)).to.be.revertedWithCustomError(arena, 'SeatHeld')
    await commit(late)
    await commit(entrants[0] as Account)
    expect((await arena.arenaView(1)).phase).to.equal(PHASE.slice)
  })

  it('who has too little stake by then neither commits nor is drawn', async () => {
    const { arena, vault, entrants, validators } = await open()
    await vault.connect(entrants[0]).requestWithdraw((STAKE * 3n) / 4n)
    await vault.connect(validators[0]).requestWithdraw((STAKE * 3n) / 4n)
    await expect(arena.startEpoch(1)).to.be.revertedWithCustomError(arena, 'NotEnoughNodes').withArgs(1n, 2n)
    await vault.connect(validators[0]).deposit(STAKE)
    await arena.startEpoch(1)
    await expect(arena.connect(entrants[0]).commit(1, 1, id32('c'))).to.be.revertedWithCustomError(arena, 'StakeTooLow')
  })

  it('refuses what is out of turn, out of role, or not what was committed', async () => {
    const world = await open()
    const { arena, creator, stranger, entrants, validators, nodes } = world
    const [a] = entrants as [Account]
    const refused = (name: string, sent: Promise<unknown>) => expect(sent).to.be.revertedWithCustomError(arena, name)
    await refused('UnknownArena', arena.startEpoch(2))
    await refused('AlreadyEntered', arena.connect(a).enter(1, ROLE.validator))
    await refused('NotRegistered', arena.connect(stranger).enter(1, ROLE.validator))
    await refused('BadRole', arena.connect(nodes[5] as Account).enter(1, 0))
    await refused('NotEntered', arena.connect(stranger).leave(1))
    await refused('NotDue', arena.advance(1))
    await arena.startEpoch(1)
    await refused('WrongArenaPhase', arena.startEpoch(1))
    await refused('WrongEpoch', arena.connect(a).commit(1, 2, id32('c')))
    await refused('EmptyCommitment', arena.connect(a).commit(1, 1, ethers.ZeroHash))
    await refused('NotEntrant', arena.connect(validators[0]).commit(1, 1, id32('c')))
    await refused('WrongArenaPhase', arena.connect(creator).revealSlice(1, 1, SLICES[0] as string, 1, proofOf(1)))
    for (const entrant of entrants) await arena.connect(entrant).commit(1, 1, id32('c'))
    await refused('NotCreator', arena.connect(a).revealSlice(1, 1, SLICES[0] as string, 1, proofOf(1)))
    await refused('BadProof', arena.connect(creator).revealSlice(1, 1, SLICES[1] as string, 1, proofOf(2)))
    await arena.connect(creator).revealSlice(1, 1, SLICES[0] as string, 1, proofOf(1))
    await refused('CommitmentMismatch', arena.connect(a).reveal(1, 1, id32('x'), 5, salt('x')))
    await refused('NotCommitted', arena.connect(stranger).reveal(1, 1, id32('x'), 5, salt('x')))
    await refused('AlreadyStarted', arena.connect(creator).cancel(1))
    await networkHelpers.time.increase(60)
    await refused('DeadlinePassed', arena.connect(a).reveal(1, 1, id32('x'), 5, salt('x')))
    // nobody revealed: the epoch ends here
    await arena.advance(1)
    expect((await arena.arenaView(1)).phase).to.equal(PHASE.idle)
  })

  it('is cancelled before the start by its creator, closed after its end by anyone; both give its own pool back', async () => {
    const { arena, creator, stranger, token, endsAt } = await open()
    await arena.connect(creator).createArena({ ...arenaParams, endsAt })
    await expect(arena.connect(stranger).cancel(2)).to.be.revertedWithCustomError(arena, 'NotCreator')
    await token.transfer(stranger.address, TOKEN)
    await token.connect(stranger).approve(arena.target, TOKEN)
    await arena.connect(stranger).fund(2, TOKEN)
    expect([await arena.isOpen(2), await arena.isOpen(3), await arena.granted(2)]).to.deep.equal([true, false, TOKEN])
    const supply = await token.totalSupply()
    await arena.connect(creator).cancel(2)
    // what others gave is nobody's any more
    expect(await arena.claimable(creator.address)).to.equal(300n * TOKEN)
    expect(supply - (await token.totalSupply())).to.equal(TOKEN)
    expect(await arena.isOpen(2)).to.equal(false)
    await expect(arena.connect(creator).cancel(2)).to.be.revertedWithCustomError(arena, 'ArenaClosed')
    await arena.startEpoch(1)
    await expect(arena.close(1)).to.be.revertedWithCustomError(arena, 'WrongArenaPhase')
    await networkHelpers.time.setNextBlockTimestamp(endsAt)
    // its epoch was open at the end: it is settled, and that closes the arena
    await arena.connect(stranger).advance(1)
    const { status, poolLeft } = await arena.arenaView(1)
    expect([status, poolLeft]).to.deep.equal([2n, 0n])
    await expect(arena.startEpoch(1)).to.be.revertedWithCustomError(arena, 'ArenaClosed')
  })

  it('an arena that nobody started is over at its end', async () => {
    const { arena, creator, endsAt } = await open()
    await expect(arena.close(1)).to.be.revertedWithCustomError(arena, 'ArenaNotOver')
    await networkHelpers.time.setNextBlockTimestamp(endsAt)
    await arena.close(1)
    expect(await arena.claimable(creator.address)).to.equal(300n * TOKEN)
  })

  it('takes no parameter out of its range, and no vault that does not know it', async () => {
    const { arena, creator, endsAt, token, registry, vault } = await open()
    const good = { ...arenaParams, endsAt }
    const bad = [
      { ...good, probeRoot: ethers.ZeroHash },
      { ...good, pool: 0n },
      { ...good, endsAt: 1 },
      { ...good, entrants: 33 },
      { ...good, validators: 17 },
      { ...good, epochs: 0 },
      { ...good, rules: { ...good.rules, gammaBps: 5001 } },
      { ...good, rules: { ...good.rules, ratioBps: 0 } },
      { ...good, rules: { ...good.rules, keeperBps: 101 } },
    ]
    for (const params of bad) await expect(arena.connect(creator).createArena(params)).to.be.revert(ethers)
    const libraries = await deployArenaLibraries()
    const other = await ethers.deployContract('CoveyArena', [token.target, registry.target, vault.target], {
      libraries,
    })
    await expect(other.getFunction('createArena')(good)).to.be.revertedWithCustomError(other, 'ArenaNotBound')
  })
})

/** Scores as long as the entries that are committed will be. */
function fit(plan: EpochPlan): EpochPlan {
  const entries = plan.entrants.filter((e) => e.acts !== 'silent').length
  return { ...plan, validators: plan.validators.map((v) => ({ ...v, scores: v.scores.slice(0, entries + 1) })) }
}
