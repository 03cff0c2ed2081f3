/** What every ArenaLedger does: the same suite for arenas in memory and for the contract on an EVM. */
import { expect } from 'chai'
import { keccak256, toUtf8Bytes } from 'ethers'
import { sha256 } from '../../src/base/bytes.ts'
import { merkleLeaf, merkleTree } from '../../src/data/merkle.ts'
import { isRevert } from '../../src/ledger/abi/revert.ts'
import { settleEpoch } from '../../src/round/arena.ts'
import type { AdapterReveal, ArenaLedger, ArenaParams } from '../../src/types/arena.ts'
import type { Address, Hex, Ledger } from '../../src/types/ledger.ts'
import { SCORE_ABSENT } from '../../src/types/ledger.ts'
import { testPeer } from './ledger.behavior.ts'

/** One account under both seams. */
export interface Player {
  readonly ledger: Ledger
  readonly arenas: ArenaLedger
}

/** A fresh chain for one test. */
export interface ArenaWorld {
  /** `count` funded accounts (1,000 tokens each), their ledgers not started */
  players(count: number): Promise<readonly Player[]>
  /** moves the chain's clock on */
  elapse(seconds: number): Promise<void>
  close(): Promise<void>
}

const TOKEN = 10n ** 18n
const slices = [1, 2, 3].map((epoch) => sha256(`slice ${epoch}`))
const probe = merkleTree(slices.map((slice, i) => merkleLeaf(i + 1, slice)))
const sliceOf = (epoch: number) => ({ digest: slices[epoch - 1] as string, size: 77, proof: probe.proof(epoch - 1) })
const salt = (text: string): Hex => keccak256(toUtf8Bytes(text)) as Hex
const adapterOf = (account: Address, what = account as string): AdapterReveal => ({
  digest: sha256(`adapter ${what}`),
  size: 1000,
  salt: salt(account),
})

/** @param now of the chain, unix seconds */
export const testArenaParams = (now: number, change: Partial<ArenaParams> = {}): ArenaParams => ({
  specDigest: sha256('spec'),
  baseDigest: sha256('base'),
  probeRoot: probe.root,
  pool: 90n * TOKEN,
  minStake: 10n * TOKEN,
  epochs: 3,
  entrants: 3,
  validators: 2,
  endsAt: now + 5 * 86_400,
  seconds: { submit: 600, slice: 300, reveal: 200, score: 400, tally: 300 },
  rules: {
    gammaBps: 2000,
    ratioBps: 5000,
    alpha: 'root',
    floor: 0,
    tolerance: 10,
    slashBps: 1000,
    faultBps: 100,
    keeperBps: 100,
  },
  ...change,
})

async function refusal(name: string, work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => null,
    (e: unknown) => e,
  )
  expect(isRevert(error), `expected ${name}, got ${String(error)}`).to.equal(true)
  expect((error as { data: { name?: string } }).data.name).to.equal(name)
}

export function describeArenaLedger(kind: string, open: () => Promise<ArenaWorld>): void {
  describe(`ArenaLedger: ${kind}`, () => {
    let world: ArenaWorld
    beforeEach(async () => {
      world = await open()
    })
    afterEach(() => world.close())

    /** A creator, three entrants (or as many as compete) and two validators with 100 tokens staked, all entered. */
    async function ready(change: Partial<ArenaParams> = {}, competing = 3) {
      const all = await world.players(6)
      const [creator, ...nodes] = all as [Player, ...Player[]]
      for (const [i, { ledger }] of nodes.entries()) {
        const peer = testPeer(i)
        await ledger.register(peer.peerId, peer.sign)
        await ledger.deposit(BigInt(100 + 10 * i) * TOKEN)
      }
      const id = await creator.arenas.create(testArenaParams(await creator.ledger.time(), change))
      const [entrants, validators] = [nodes.slice(0, competing), nodes.slice(competing)]
      for (const { arenas } of entrants) await arenas.enter(id, 'entrant')
      for (const { arenas } of validators) await arenas.enter(id, 'validator')
      return { creator, entrants, validators, id, any: creator.arenas }
    }
    type Ready = Awaited<ReturnType<typeof ready>>

    /** One whole epoch; `scores` by entrant in the order of their commits, then the champion's. */
    async function play({ creator, entrants, validators, id }: Ready, epoch: number, scores: readonly number[]) {
      await creator.arenas.startEpoch(id)
      for (const { arenas } of entrants) await arenas.commit(id, epoch, adapterOf(arenas.account))
      await creator.arenas.revealSlice(id, epoch, sliceOf(epoch))
      for (const { arenas } of entrants) await arenas.reveal(id, epoch, adapterOf(arenas.account))
      for (const { arenas } of validators) await arenas.commitScores(id, epoch, scores, salt(arenas.account))
      for (const { arenas } of validators) await arenas.revealScores(id, epoch, scores, salt(arenas.account))
    }

    it('runs epochs to the end: ranks, payments, a champion, and the rest back to the creator', async () => {
      const all = await ready()
      const { any, creator, entrants, validators, id } = all
      expect(await any.arena(id)).to.include({ status: 'open', epoch: 0, phase: 'idle', validators: 2 })
      await play(all, 1, [100, 300, 200, 0])
      const one = await any.epoch(id, 1)
      expect(one.settlement).to.deep.equal(
        settleEpoch({
          ...one,
          slice: true,
          champion: false,
          rules: (await any.arena(id)).params.rules,
        }),
      )
      expect(one.settlement?.entries.map((e) => e.rank)).to.deep.equal([3, 1, 2])
      expect(one.budget).to.equal(30n * TOKEN)
      expect((await any.arena(id)).champion).to.deep.equal({
        account: entrants[1]?.arenas.account,
        digest: adapterOf(entrants[1]?.arenas.account as Address).digest,
        size: 1000,
        epoch: 1,
      })
      const winner = entrants[1] as Player
      expect((await any.credit(winner.arenas.account)).claimable).to.equal(one.settlement?.entries[1]?.paid)
      await play(all, 2, [100, 300, 300, 300])
      await play(all, 3, [100, 300, 301, 300])
      const { status, champion, poolLeft } = await any.arena(id)
      expect([status, poolLeft, champion?.account]).to.deep.equal(['finished', 0n, entrants[2]?.arenas.account])
      const before = (await winner.ledger.accountView(winner.arenas.account)).wallet
      const { claimable, earned } = await any.credit(winner.arenas.account)
      expect(earned).to.equal(claimable)
      expect(await winner.arenas.claim()).to.not.equal(null)
      expect(await winner.arenas.claim()).to.equal(null)
      expect((await winner.ledger.accountView(winner.arenas.account)).wallet).to.equal(before + claimable)
      let owed = (await any.credit(creator.arenas.account)).claimable + claimable
      for (const { arenas } of [...entrants, ...validators]) owed += (await any.credit(arenas.account)).claimable
      expect(owed).to.equal(90n * TOKEN)
      expect((await any.arenas()).map((a) => a.id)).to.deep.equal([id])
    })

    it('does nothing twice', async () => {
      const { creator, entrants, validators, id } = await ready()
      const [a] = entrants as [Player]
      const [v] = validators as [Player]
      expect(await a.arenas.enter(id, 'entrant')).to.equal(null)
      expect(await a.arenas.roleOf(id, v.arenas.account)).to.equal('validator')
      expect(await creator.arenas.leave(id)).to.equal(null)
      await creator.arenas.startEpoch(id)
      expect(await a.arenas.startEpoch(id)).to.equal(null)
      for (const { arenas } of entrants) await arenas.commit(id, 1, adapterOf(arenas.account))
      expect(await a.arenas.commit(id, 1, adapterOf(a.arenas.account))).to.equal(null)
      await creator.arenas.revealSlice(id, 1, sliceOf(1))
      expect(await creator.arenas.revealSlice(id, 1, sliceOf(1))).to.equal(null)
      await a.arenas.reveal(id, 1, adapterOf(a.arenas.account))
      expect(await a.arenas.reveal(id, 1, adapterOf(a.arenas.account))).to.equal(null)
      for (const { arenas } of entrants.slice(1)) await arenas.reveal(id, 1, adapterOf(arenas.account))
      const scores = [3, 2, 1, 0]
      for (const { arenas } of validators) await arenas.commitScores(id, 1, scores, salt(arenas.account))
      expect(await v.arenas.commitScores(id, 1, scores, salt(v.arenas.account))).to.equal(null)
      await v.arenas.revealScores(id, 1, scores, salt(v.arenas.account))
      expect(await v.arenas.revealScores(id, 1, scores, salt(v.arenas.account))).to.equal(null)
    })

    it('a silent epoch ends by its deadlines; keepers are paid for it and nobody else', async () => {
      const { creator, entrants, any, id } = await ready()
      const [a] = entrants as [Player]
      await creator.arenas.startEpoch(id)
      await refusal('NotDue', a.arenas.advance(id))
      await a.arenas.commit(id, 1, adapterOf(a.arenas.account))
      await world.elapse(601)
      await a.arenas.advance(id)
      expect((await any.arena(id)).phase).to.equal('slice')
      await world.elapse(301)
      await a.arenas.advance(id)
      const { settlement, fees, budget } = await any.epoch(id, 1)
      expect(settlement?.entries.map((e) => [e.outcome, e.slashBps])).to.deep.equal([['unjudged', 0]])
      expect(fees).to.equal(budget / 50n)
      expect((await any.credit(a.arenas.account)).claimable).to.equal(fees)
      expect(await any.arena(id)).to.include({ phase: 'idle', status: 'running', poolLeft: 90n * TOKEN - fees })
    })

    it('a commit that is not revealed is slashed, an adapter that nobody gets too; a copy is not paid', async () => {
      const { creator, entrants, validators, any, id } = await ready()
      const [a, b, c] = entrants as [Player, Player, Player]
      await creator.arenas.startEpoch(id)
      const same = (p: Player): AdapterReveal => adapterOf(p.arenas.account, 'the same')
      await a.arenas.commit(id, 1, same(a))
      await b.arenas.commit(id, 1, same(b))
      await c.arenas.commit(id, 1, adapterOf(c.arenas.account))
      await creator.arenas.revealSlice(id, 1, sliceOf(1))
      await a.arenas.reveal(id, 1, same(a))
      await b.arenas.reveal(id, 1, same(b))
      await refusal('CommitmentMismatch', c.arenas.reveal(id, 1, same(c)))
      await world.elapse(201)
      await creator.arenas.advance(id)
      for (const { arenas } of validators)
        await arenas.commitScores(id, 1, [SCORE_ABSENT, 5, 5, 0], salt(arenas.account))
      for (const { arenas } of validators)
        await arenas.revealScores(id, 1, [SCORE_ABSENT, 5, 5, 0], salt(arenas.account))
      const outcomes = (await any.epoch(id, 1)).settlement?.entries.map((e) => e.outcome)
      expect(outcomes).to.deep.equal(['absent', 'copied', 'unrevealed'])
      const slashed = await Promise.all(
        entrants.map(async (p) => (await p.ledger.accountView(p.arenas.account)).slashed),
      )
      expect(slashed).to.deep.equal([TOKEN, 0n, (12n * TOKEN) / 10n])
    })

    it('pays no validator that is silent, hides its scores or is far from the others, and slashes a liar', async () => {
      const { creator, entrants, validators, any, id } = await ready({ entrants: 1, validators: 4 }, 1)
      const [entrant] = entrants as [Player]
      const [idle, liar, ...honest] = validators as [Player, Player, Player, Player]
      const begin = async (epoch: number): Promise<void> => {
        await creator.arenas.startEpoch(id)
        const adapter = adapterOf(entrant.arenas.account, `of epoch ${epoch}`)
        await entrant.arenas.commit(id, epoch, adapter)
        await creator.arenas.revealSlice(id, epoch, sliceOf(epoch))
        await entrant.arenas.reveal(id, epoch, adapter)
      }
      const outcomes = async (epoch: number): Promise<(string | undefined)[]> => {
        const view = await any.epoch(id, epoch)
        const entry = view.settlement?.entries[0]?.outcome
        const seat = (p: Player): number => view.validators.findIndex(({ account }) => account === p.arenas.account)
        return [entry, ...validators.map((p) => view.settlement?.validators[seat(p)]?.outcome)]
      }
      const vote = async (epoch: number, who: readonly Player[], scoresOf: (p: Player) => number[]): Promise<void> => {
        for (const p of who) await p.arenas.commitScores(id, epoch, scoresOf(p), salt(p.arenas.account))
        if ((await any.arena(id)).phase === 'score') {
          await world.elapse(401)
          await creator.arenas.advance(id)
        }
        for (const p of who) if (p !== idle) await p.arenas.revealScores(id, epoch, scoresOf(p), salt(p.arenas.account))
        if ((await any.arena(id)).phase === 'idle') return
        await world.elapse(301)
        await creator.arenas.advance(id)
      }
      await begin(1)
      await vote(1, [liar, ...honest], (p) => [p === liar ? 111 : 100, 0])
      expect(await outcomes(1)).to.deep.equal(['ranked', 'silent', 'apart', 'agreed', 'agreed'])
      await begin(2)
      await vote(2, validators, (p) => [p === liar ? 500 : 0, 0])
      expect(await outcomes(2)).to.deep.equal(['below', 'unrevealed', 'slashed', 'agreed', 'agreed'])
    })

    it("delegators earn by their operator's rank", async () => {
      const all = await ready()
      const { creator, entrants, any, id } = all
      const winner = entrants[0] as Player
      await winner.ledger.setCommission(1000)
      await creator.ledger.delegate(winner.arenas.account, 100n * TOKEN)
      await world.elapse(1)
      await play(all, 1, [300, 200, 100, 0])
      const paid = (await any.epoch(id, 1)).settlement?.entries[0]?.paid as bigint
      const [mine] = await creator.ledger.delegations(creator.arenas.account)
      // half of the stake, less a tenth of that
      const part = ((paid / 2n) * 9n) / 10n
      expect((await any.credit(winner.arenas.account)).earned).to.equal(paid - part)
      expect([part, part - 1n]).to.include(mine?.rewards)
    })

    it('is cancelled before the start only, and closed after its end by anyone', async () => {
      const { creator, entrants, any, id } = await ready()
      const [a] = entrants as [Player]
      await refusal('NotCreator', a.arenas.cancel(id))
      await refusal('ArenaNotOver', a.arenas.close(id))
      const other = await creator.arenas.create(testArenaParams(await creator.ledger.time()))
      await refusal('NotEnoughNodes', creator.arenas.startEpoch(other))
      await creator.arenas.cancel(other)
      expect((await any.credit(creator.arenas.account)).claimable).to.equal(90n * TOKEN)
      await creator.arenas.startEpoch(id)
      await refusal('AlreadyStarted', creator.arenas.cancel(id))
      await world.elapse(5 * 86_400)
      await refusal('WrongArenaPhase', a.arenas.close(id))
      await a.arenas.advance(id)
      expect((await any.arena(id)).status).to.equal('finished')
      expect(await a.arenas.close(id)).to.equal(null)
    })

    it('takes what anybody adds to its pool; of the rest, the creator gets the part that was its own', async () => {
      const all = await ready({ epochs: 2 })
      const { creator, entrants, any, id } = all
      const [a] = entrants as [Player]
      await a.arenas.fund(id, 30n * TOKEN)
      expect((await any.arena(id)).poolLeft).to.equal(120n * TOKEN)
      await refusal('BadParameter', a.arenas.fund(id, 0n))
      await refusal('ERC20InsufficientBalance', a.arenas.fund(id, 5000n * TOKEN))
      await play(all, 1, [100, 300, 200, 0])
      expect((await any.epoch(id, 1)).budget).to.equal(60n * TOKEN)
      await world.elapse(5 * 86_400)
      await refusal('ArenaOver', a.arenas.fund(id, 1n))
      const left = (await any.arena(id)).poolLeft
      await a.arenas.close(id)
      // three quarters of the pool were the creator's; the rest is nobody's any more
      expect((await any.credit(creator.arenas.account)).claimable).to.equal((left * 3n) / 4n)
      await refusal('ArenaClosed', a.arenas.fund(id, 1n))
      const other = await creator.arenas.create(testArenaParams(await creator.ledger.time()))
      await a.arenas.fund(other, 90n * TOKEN)
      await creator.arenas.cancel(other)
      expect((await any.credit(creator.arenas.account)).claimable).to.equal((left * 3n) / 4n + 90n * TOKEN)
    })

    it('a heavier one takes the place of the lightest; who has committed keeps it', async () => {
      const { creator, entrants, validators, any, id } = await ready()
      const [a, b, c] = entrants as [Player, Player, Player]
      const [heavy] = validators as [Player]
      await creator.arenas.startEpoch(id)
      await refusal('AlreadyEntered', heavy.arenas.enter(id, 'entrant'))
      await heavy.arenas.leave(id)
      await a.arenas.commit(id, 1, adapterOf(a.arenas.account))
      await heavy.arenas.enter(id, 'entrant')
      const expected = [a.arenas.account, heavy.arenas.account, c.arenas.account]
      expect((await any.arena(id)).entrants).to.deep.equal(expected)
      await refusal('ArenaFull', b.arenas.enter(id, 'entrant'))
      await refusal('NotEntrant', b.arenas.commit(id, 1, adapterOf(b.arenas.account)))
      await refusal('SeatHeld', a.arenas.leave(id))
    })

    it('takes no parameters that the contract would refuse', async () => {
      const [creator] = (await world.players(1)) as [Player]
      const now = await creator.ledger.time()
      const good = testArenaParams(now)
      for (const bad of [
        { ...good, pool: 0n },
        { ...good, endsAt: now },
        { ...good, entrants: 33 },
        { ...good, probeRoot: `0x${'0'.repeat(64)}` as Hex },
        { ...good, rules: { ...good.rules, gammaBps: 5001 } },
      ])
        await creator.arenas.create(bad).then(
          () => expect.fail('expected E_ARGUMENT'),
          (error: { code?: string }) => expect(error.code).to.equal('E_ARGUMENT'),
        )
    })
  })
}
