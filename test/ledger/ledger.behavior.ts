/** What every Ledger does: the same suite for the chain in memory and for the contracts on an EVM. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { expect } from 'chai'
import { encodeBase58, keccak256, toUtf8Bytes } from 'ethers'
import { sha256 } from '../../src/base/bytes.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import { merkleLeaf, merkleTree } from '../../src/data/merkle.ts'
import { verifyNodeRecord } from '../../src/ledger/abi/binding.ts'
import { isRevert } from '../../src/ledger/abi/revert.ts'
import type { Address, DeltaReveal, Hex, Ledger, Scores, TaskParams } from '../../src/types/ledger.ts'

/** A fresh chain for one test. */
export interface LedgerWorld {
  /** `count` funded accounts (1,000 tokens each), their ledgers not started */
  ledgers(count: number): Promise<readonly Ledger[]>
  /** moves the chain's clock on */
  elapse(seconds: number): Promise<void>
  close(): Promise<void>
}

const TOKEN = 10n ** 18n
const salt = (text: string): Hex => keccak256(toUtf8Bytes(text)) as Hex
const digest = (text: string): string => sha256(text)

/** An Ed25519 peer made of a number, its signatures by node:crypto. */
/** The probe's tree, the slice of round i + 1 at index i. */
const probeTree = (slices: readonly string[]) => merkleTree(slices.map((slice, i) => merkleLeaf(i + 1, slice)))

export function testPeer(seed: number): {
  peerId: string
  sign: (bytes: Uint8Array) => Promise<Uint8Array>
  publicKey: Uint8Array
} {
  const secret = Buffer.from(sha256(`peer ${seed}`), 'hex')
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), secret])
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  const multihash = Buffer.concat([Buffer.from('002408011220', 'hex'), publicKey])
  return { peerId: encodeBase58(multihash), publicKey, sign: async (bytes) => sign(null, bytes, key) }
}

export function testParams(change: Partial<TaskParams> = {}): TaskParams {
  return {
    specDigest: digest('spec'),
    baseDigest: digest('base'),
    probeRoot: null,
    pool: 100n * TOKEN,
    rounds: 2,
    proposers: 2,
    voters: 2,
    minStake: 10n * TOKEN,
    seconds: { train: 600, reveal: 300, probe: 200, score: 400, tally: 300 },
    rules: {
      excludeBelow: 20,
      excludeSpreadBps: 5000,
      slashBelow: 500,
      slashSpreadBps: 30_000,
      vetoBelow: 2000,
      tolerance: 100,
      voterBps: 2000,
      equalBps: 2000,
      slashBps: 1000,
      faultBps: 100,
    },
    ...change,
  }
}

export const testDelta = (account: Address, round: number): DeltaReveal => ({
  digest: digest(`delta ${account} ${round}`),
  size: 1000,
  baseDigest: digest('global 0'),
  salt: salt(`delta ${account} ${round}`),
})

export const testScores = (marginals: readonly number[]): Scores => ({
  probe: marginals,
  private: marginals,
  incumbentProbe: 5,
  incumbentPrivate: 5,
})

export async function refusal(name: string, work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => null,
    (e: unknown) => e,
  )
  expect(isRevert(error), `expected ${name}, got ${String(error)}`).to.equal(true)
  expect((error as { data: { name?: string } }).data.name).to.equal(name)
}

export function describeLedger(kind: string, open: () => Promise<LedgerWorld>): void {
  describe(`Ledger: ${kind}`, () => {
    let world: LedgerWorld
    beforeEach(async () => {
      world = await open()
    })
    afterEach(() => world.close())

    /** n registered nodes with 100 tokens staked; the first creates the task and all but the first join. */
    async function ready(n: number, change: Partial<TaskParams> = {}) {
      const [creator, ...nodes] = (await world.ledgers(n + 1)) as [Ledger, ...Ledger[]]
      await Promise.all(
        nodes.map(async (node, i) => {
          const peer = testPeer(i)
          await node.register(peer.peerId, peer.sign)
          await node.deposit(100n * TOKEN)
        }),
      )
      const task = await creator.createTask(testParams(change))
      await Promise.all(nodes.map((node) => node.join(task)))
      const of = (account: Address): Ledger => nodes.find((node) => node.account === account) as Ledger
      return { creator, nodes, task, of, any: nodes[0] as Ledger }
    }

    type Ready = Awaited<ReturnType<typeof ready>>

    /** Train and reveal of the open round by all proposers. */
    async function propose({ task, of, any }: Ready, round: number) {
      const { proposers } = await any.round(task, round)
      for (const { account } of proposers) await of(account).commit(task, round, testDelta(account, round))
      for (const { account } of proposers) await of(account).reveal(task, round, testDelta(account, round))
    }

    async function vote({ task, of, any }: Ready, round: number, marginals: readonly number[]) {
      const { voters } = await any.round(task, round)
      const scores = testScores(marginals)
      for (const { account } of voters) await of(account).commitScores(task, round, scores, salt(account))
      for (const { account } of voters) await of(account).revealScores(task, round, scores, salt(account))
    }

    it('binds an account to a peer id by both signatures, once', async () => {
      const [a, b] = (await world.ledgers(2)) as [Ledger, Ledger]
      const peer = testPeer(7)
      expect(await a.node(a.account)).to.equal(null)
      expect(await a.register(peer.peerId, peer.sign)).to.not.equal(null)
      expect(await a.register(peer.peerId, peer.sign)).to.equal(null)
      const record = await b.node(a.account)
      expect(record).to.include({ account: a.account, peerId: peer.peerId })
      expect(await b.nodeOfPeer(peer.peerId)).to.deep.equal(record)
      const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), peer.publicKey])
      const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
      const { verify } = await import('node:crypto')
      const check = async (id: string, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> =>
        id === peer.peerId && verify(null, bytes, publicKey, signature)
      expect(await verifyNodeRecord(record as NonNullable<typeof record>, check)).to.equal(true)
      const other = await testPeer(8).sign(Buffer.from('other'))
      const forged = {
        ...(record as NonNullable<typeof record>),
        peerSignature: `0x${Buffer.from(other).toString('hex')}` as Hex,
      }
      expect(await verifyNodeRecord(forged, check)).to.equal(false)
      await refusal('PeerIdTaken', b.register(peer.peerId, peer.sign))
    })

    it('moves to a new peer id for good, says what an operator is, and lets go who has nothing at stake', async () => {
      const [a, b] = (await world.ledgers(2)) as [Ledger, Ledger]
      const [old, next] = [testPeer(17), testPeer(18)]
      const said = { name: 'Ann', url: 'https://ann.example', contact: 'ann@ann.example' }
      await refusal('NotBound', a.setMetadata(said))
      expect(await a.exit()).to.equal(null)
      await a.register(old.peerId, old.sign)
      await world.elapse(1)
      await a.register(next.peerId, next.sign)
      expect(await b.nodeOfPeer(old.peerId)).to.equal(null)
      expect((await b.nodeOfPeer(next.peerId))?.account).to.equal(a.account)
      await refusal('PeerIdIsRetired', a.register(old.peerId, old.sign))
      await refusal('PeerIdIsRetired', b.register(old.peerId, old.sign))
      expect(await b.metadata(a.account)).to.deep.equal({ name: '', url: '', contact: '' })
      await a.setMetadata(said)
      expect(await a.setMetadata(said)).to.equal(null)
      expect(await b.metadata(a.account)).to.deep.equal(said)
      await refusal('MetadataTooLong', a.setMetadata({ ...said, name: 'é'.repeat(33) }))
      await a.deposit(TOKEN)
      await refusal('StakeStands', a.exit())
      await a.requestWithdraw(TOKEN)
      await refusal('StakeStands', a.exit())
      await world.elapse(2 * 86_400)
      await a.withdraw()
      await a.exit()
      expect([await b.node(a.account), (await b.metadata(a.account)).name]).to.deep.equal([null, ''])
      await refusal('PeerIdIsRetired', b.register(next.peerId, next.sign))
    })

    it('takes stake in, lets it go after the unbonding period, and says what is missing', async () => {
      const [a] = (await world.ledgers(1)) as [Ledger]
      await a.deposit(40n * TOKEN)
      const { wallet, stake } = await a.accountView(a.account)
      expect([wallet, stake]).to.deep.equal([960n * TOKEN, 40n * TOKEN])
      await refusal('InsufficientStake', a.requestWithdraw(41n * TOKEN))
      await a.requestWithdraw(15n * TOKEN)
      const view = await a.accountView(a.account)
      expect([view.stake, view.unbonding]).to.deep.equal([25n * TOKEN, 15n * TOKEN])
      expect(view.unbondsAt).to.be.greaterThan(await a.time())
      await refusal('StillUnbonding', a.withdraw())
      await world.elapse(view.unbondsAt - (await a.time()) + 1)
      await a.withdraw()
      expect((await a.accountView(a.account)).wallet).to.equal(975n * TOKEN)
      const poor = await a.deposit(5000n * TOKEN).catch((e: unknown) => e)
      expect(isCoveyError(poor, 'E_FUNDS'), String(poor)).to.equal(true)
    })

    it('unbonds each request by itself', async () => {
      const [a] = (await world.ledgers(1)) as [Ledger]
      await a.deposit(40n * TOKEN)
      await a.requestWithdraw(10n * TOKEN)
      const first = (await a.accountView(a.account)).unbondsAt
      await world.elapse(40_000)
      await a.requestWithdraw(5n * TOKEN)
      const { unbonding, unbondsAt } = await a.accountView(a.account)
      expect(unbonding).to.equal(15n * TOKEN)
      expect(await a.unbondings(a.account)).to.deep.equal([
        { operator: a.account, amount: 10n * TOKEN, unbondsAt: first },
        { operator: a.account, amount: 5n * TOKEN, unbondsAt },
      ])
      await world.elapse(first - (await a.time()) + 1)
      await a.withdraw()
      expect(await a.unbondings(a.account)).to.deep.equal([{ operator: a.account, amount: 5n * TOKEN, unbondsAt }])
      await refusal('StillUnbonding', a.withdraw())
    })

    it('delegates to operators that take delegations, up to four times their own stake', async () => {
      const [operator, holder, other] = (await world.ledgers(3)) as [Ledger, Ledger, Ledger]
      await operator.deposit(10n * TOKEN)
      await refusal('DelegationNotOpen', holder.delegate(operator.account, TOKEN))
      expect(await holder.operators()).to.deep.equal([])
      await refusal('CommissionTooHigh', operator.setCommission(5001))
      await operator.setCommission(1000)
      await holder.delegate(operator.account, 30n * TOKEN)
      await refusal('CapacityExceeded', other.delegate(operator.account, 11n * TOKEN))
      await refusal('CommissionTooHigh', other.delegate(operator.account, TOKEN, 999))
      await refusal('DelegatesToItself', operator.delegate(operator.account, TOKEN))
      const view = {
        account: operator.account,
        stake: 10n * TOKEN,
        delegated: 30n * TOKEN,
        capacity: 40n * TOKEN,
        commissionBps: 1000,
        next: null,
        open: true,
      }
      expect(await other.operators()).to.deep.equal([view])
      expect(await other.operator(operator.account)).to.deep.equal(view)
      expect(await other.delegations(holder.account)).to.deep.equal([
        { operator: operator.account, amount: 30n * TOKEN, shares: 30n * TOKEN, rewards: 0n },
      ])
      expect((await holder.accountView(holder.account)).wallet).to.equal(970n * TOKEN)
      await refusal('NothingToClaimFrom', holder.claimDelegation(operator.account))
      const poor = await holder.delegate(operator.account, 5000n * TOKEN).catch((e: unknown) => e)
      expect(isCoveyError(poor), String(poor)).to.equal(true)

      // a raise is announced and waits; who delegates now agrees to it
      await operator.setCommission(2000)
      const { next, commissionBps } = await other.operator(operator.account)
      expect([commissionBps, next?.commissionBps]).to.deep.equal([1000, 2000])
      await refusal('CommissionTooHigh', other.delegate(operator.account, TOKEN, 1000))
      await other.delegate(operator.account, TOKEN)
      await operator.closeDelegation()
      await refusal('DelegationNotOpen', other.delegate(operator.account, TOKEN))

      await refusal('InsufficientDelegation', holder.undelegate(operator.account, 31n * TOKEN))
      await holder.undelegate(operator.account, 10n * TOKEN)
      await holder.undelegate(operator.account, null)
      expect(await holder.delegations(holder.account)).to.deep.equal([])
      const { unbonding, unbondsAt } = await holder.accountView(holder.account)
      expect(unbonding).to.equal(30n * TOKEN)
      await world.elapse(unbondsAt - (await holder.time()) + 1)
      await holder.withdraw()
      expect((await holder.accountView(holder.account)).wallet).to.equal(1000n * TOKEN)
      expect((await other.operator(operator.account)).commissionBps).to.equal(2000)
    })

    it('draws by own and delegated stake, and shares reward and loss with who delegated', async () => {
      const w = await ready(4, { pool: 200n * TOKEN, rounds: 4 })
      const { creator, nodes, task, any, of } = w
      // the creator delegates to every node: wherever the seats fall, it has a part in them
      for (const node of nodes) {
        await node.setCommission(1000)
        await creator.delegate(node.account, 100n * TOKEN)
      }
      // in the second of the draw it would be too late
      await world.elapse(1)
      await any.startRound(task)
      expect((await any.round(task, 1)).proposers.map((s) => s.weight)).to.deep.equal([200n * TOKEN, 200n * TOKEN])
      await propose(w, 1)
      await vote(w, 1, [300, 300])
      const { settlement, voters } = await any.round(task, 1)
      for (const [i, { account }] of voters.entries()) {
        // half of the seat's reward, less a tenth
        const paid = settlement?.voters[i]?.paid as bigint
        const delegated = (await any.delegations(creator.account)).find((d) => d.operator === account)
        const expected = (paid * 45n) / 100n
        // rewards a share are cut off at 2^-128 wei: a holder may miss a wei
        expect([expected - 1n, expected]).to.include(delegated?.rewards)
        expect((await any.accountView(account)).claimable).to.equal((paid * 55n) / 100n)
        const { wallet } = await any.accountView(creator.account)
        await creator.claimDelegation(account)
        expect((await any.accountView(creator.account)).wallet).to.equal(wallet + (delegated?.rewards as bigint))
      }
      await any.startRound(task)
      const { proposers } = await any.round(task, 2)
      const [p] = proposers.map((s) => of(s.account)) as [Ledger]
      await p.commit(task, 2, testDelta(p.account, 2))
      // asked back after the draw: it stays behind the seat
      await creator.undelegate(p.account, 50n * TOKEN)
      await world.elapse(601)
      await any.advance(task)
      await world.elapse(301)
      await any.advance(task)
      const view = await any.accountView(p.account)
      expect([view.stake, view.slashed]).to.deep.equal([99n * TOKEN, 2n * TOKEN])
      const left = (await any.delegations(creator.account)).find((d) => d.operator === p.account)
      expect(left?.amount).to.equal((495n * TOKEN) / 10n)
      expect((await any.accountView(creator.account)).unbonding).to.equal((495n * TOKEN) / 10n)
    })

    it('gives who delegates after the draw no part of that round, and the operator no more by a late deposit', async () => {
      const w = await ready(4, { rounds: 2 })
      const { creator, nodes, task, any } = w
      for (const node of nodes) {
        await node.setCommission(0)
        await creator.delegate(node.account, 100n * TOKEN)
      }
      await world.elapse(1)
      await any.startRound(task)
      await propose(w, 1)
      const [late, operator] = nodes as [Ledger, Ledger]
      await late.delegate(operator.account, 200n * TOKEN)
      await operator.deposit(500n * TOKEN)
      await vote(w, 1, [300, 300])
      const earned = async (ledger: Ledger): Promise<bigint> =>
        (await any.delegations(ledger.account)).find((d) => d.operator === operator.account)?.rewards ?? 0n
      const paidTo = async (round: number): Promise<bigint> => {
        const { proposers, voters, settlement } = await any.round(task, round)
        const seats = [...(settlement?.proposers ?? []), ...(settlement?.voters ?? [])]
        return seats[[...proposers, ...voters].findIndex((s) => s.account === operator.account)]?.paid ?? 0n
      }
      const paid = await paidTo(1)
      expect(paid > 0n).to.equal(true)
      expect([paid / 2n - 1n, paid / 2n]).to.include(await earned(creator))
      expect(await earned(late)).to.equal(0n)
      // from the next draw on it stands behind the seat: 200 of 900
      await world.elapse(1)
      await any.startRound(task)
      await propose(w, 2)
      await vote(w, 2, [300, 300])
      const share = ((await paidTo(2)) * 2n) / 9n
      expect([share - 1n, share]).to.include(await earned(late))
    })

    it('moves tokens between accounts', async () => {
      const [a, b] = (await world.ledgers(2)) as [Ledger, Ledger]
      await a.transfer(b.account, 3n * TOKEN)
      expect((await a.accountView(b.account)).wallet).to.equal(1003n * TOKEN)
      const poor = await a.transfer(b.account, 5000n * TOKEN).catch((e: unknown) => e)
      expect(isCoveyError(poor, 'E_FUNDS'), String(poor)).to.equal(true)
    })

    it('creates a task with its pool in escrow and shows it to all', async () => {
      const [a, b] = (await world.ledgers(2)) as [Ledger, Ledger]
      const params = testParams({ probeRoot: probeTree([digest('s1'), digest('s2')]).root })
      const task = await a.createTask(params)
      expect(await b.task(task)).to.deep.equal({
        id: task,
        creator: a.account,
        params,
        status: 'open',
        round: 0,
        phase: 'idle',
        deadline: 0,
        poolLeft: params.pool,
        enrolled: 0,
      })
      expect((await b.tasks()).map((t) => t.id)).to.deep.equal([task])
      expect((await a.accountView(a.account)).wallet).to.equal(900n * TOKEN)
    })

    it('refuses parameters out of range, naming the one', async () => {
      const [a] = (await world.ledgers(1)) as [Ledger]
      const error = await a.createTask(testParams({ rounds: 0 })).catch((e: unknown) => e)
      expect(isCoveyError(error, 'E_ARGUMENT'), String(error)).to.equal(true)
      expect(String(error)).to.contain('rounds')
    })

    it('enrols registered nodes with enough stake, and lets them leave', async () => {
      const [a, b, c] = (await world.ledgers(3)) as [Ledger, Ledger, Ledger]
      const task = await a.createTask(testParams())
      await refusal('NotRegistered', b.join(task))
      const peer = testPeer(1)
      await b.register(peer.peerId, peer.sign)
      await refusal('StakeTooLow', b.join(task))
      await b.deposit(10n * TOKEN)
      expect(await b.join(task)).to.not.equal(null)
      expect(await b.join(task)).to.equal(null)
      expect(await c.isEnrolled(task, b.account)).to.equal(true)
      expect((await c.task(task)).enrolled).to.equal(1)
      await refusal('NotEnoughNodes', c.startRound(task))
      expect(await b.leave(task)).to.not.equal(null)
      expect(await b.leave(task)).to.equal(null)
      expect(await c.isEnrolled(task, b.account)).to.equal(false)
    })

    it('runs a round by early advance, pays by the medians and finishes after the last', async () => {
      const slices = [digest('slice 1'), digest('slice 2')]
      const tree = probeTree(slices)
      const w = await ready(4, { probeRoot: tree.root })
      const { creator, task, any } = w
      for (const round of [1, 2]) {
        await any.startRound(task)
        expect(await any.startRound(task)).to.equal(null)
        const drawn = await any.round(task, round)
        const seats = [...drawn.proposers, ...drawn.voters].map((s) => s.account)
        expect([drawn.proposers.length, drawn.voters.length, new Set(seats).size]).to.deep.equal([2, 2, 4])
        expect(drawn.proposers.every((s) => s.weight === 100n * TOKEN)).to.equal(true)
        expect((await any.task(task)).phase).to.equal('train')
        await propose(w, round)
        expect((await any.task(task)).phase).to.equal('probe')
        const slice = { digest: slices[round - 1] as string, size: 500, proof: tree.proof(round - 1) }
        await refusal('NotCreator', any.revealProbe(task, round, slice))
        await refusal('BadProof', creator.revealProbe(task, round, { ...slice, digest: digest('another') }))
        await creator.revealProbe(task, round, slice)
        expect((await any.task(task)).phase).to.equal('score')
        await vote(w, round, [300, 100])
        const view = await any.round(task, round)
        expect(view.phase).to.equal('idle')
        expect(view.probe).to.deep.equal({ digest: slice.digest, size: 500 })
        expect(view.settlement?.proposers.map((p) => [p.outcome, p.median])).to.deep.equal([
          ['included', 300],
          ['included', 100],
        ])
        expect(view.settlement?.voters.map((v) => v.outcome)).to.deep.equal(['agreed', 'agreed'])
        expect(view.settlement?.agreedBase).to.equal(digest('global 0'))
        // budget 50: proposers 40, of which 8 shared by two and 32 split 3:1
        expect(view.settlement?.proposers.map((p) => p.paid)).to.deep.equal([28n * TOKEN, 12n * TOKEN])
        expect(view.settlement?.voters.map((v) => v.paid)).to.deep.equal([5n * TOKEN, 5n * TOKEN])
        const revealed = view.voters.map((v) => v.scores)
        expect(revealed).to.deep.equal([testScores([300, 100]), testScores([300, 100])])
      }
      expect(await any.task(task)).to.include({ status: 'finished', phase: 'idle', round: 2, poolLeft: 0n })
      let earned = 0n
      for (const node of w.nodes) {
        const before = await node.accountView(node.account)
        earned += before.earned
        expect(before.claimable).to.equal(before.earned)
        await node.claim()
        expect(await node.claim()).to.equal(null)
        const after = await node.accountView(node.account)
        expect([after.claimable, after.wallet]).to.deep.equal([0n, before.wallet + before.earned])
      }
      expect(earned).to.equal(100n * TOKEN)
    })

    it('does a write once: the same commitment, reveal, score or probe again is null, another one is refused', async () => {
      const tree = probeTree([digest('slice 1'), digest('slice 2')])
      const w = await ready(4, { probeRoot: tree.root })
      const { task, any, of, creator } = w
      await any.startRound(task)
      const { proposers, voters } = await any.round(task, 1)
      const [p, q] = proposers.map((s) => of(s.account)) as [Ledger, Ledger]
      const [v, u] = voters.map((s) => of(s.account)) as [Ledger, Ledger]
      const delta = testDelta(p.account, 1)
      await refusal('NotProposer', v.commit(task, 1, testDelta(v.account, 1)))
      await refusal('WrongRound', p.commit(task, 2, delta))
      await p.commit(task, 1, delta)
      expect(await p.commit(task, 1, delta)).to.equal(null)
      await refusal('AlreadyCommitted', p.commit(task, 1, { ...delta, digest: digest('other') }))
      await refusal('WrongPhase', p.reveal(task, 1, delta))
      await q.commit(task, 1, testDelta(q.account, 1))
      expect(await q.commit(task, 1, testDelta(q.account, 1))).to.equal(null)
      await refusal('CommitmentMismatch', p.reveal(task, 1, { ...delta, size: 1001 }))
      await p.reveal(task, 1, delta)
      expect(await p.reveal(task, 1, delta)).to.equal(null)
      await q.reveal(task, 1, testDelta(q.account, 1))
      const slice = { digest: digest('slice 1'), size: 500, proof: tree.proof(0) }
      await creator.revealProbe(task, 1, slice)
      expect(await creator.revealProbe(task, 1, slice)).to.equal(null)
      const scores = testScores([10, -32_768])
      await v.commitScores(task, 1, scores, salt('v'))
      expect(await v.commitScores(task, 1, scores, salt('v'))).to.equal(null)
      await u.commitScores(task, 1, scores, salt('u'))
      await refusal('CommitmentMismatch', v.revealScores(task, 1, testScores([11, 0]), salt('v')))
      await v.revealScores(task, 1, scores, salt('v'))
      expect(await v.revealScores(task, 1, scores, salt('v'))).to.equal(null)
      await u.revealScores(task, 1, scores, salt('u'))
      expect((await any.round(task, 1)).settlement?.proposers.map((s) => s.outcome)).to.deep.equal([
        'included',
        'absent',
      ])
    })

    it('ends each phase by its deadline when parties are silent, and slashes who commits without revealing', async () => {
      const w = await ready(4)
      const { task, any, of } = w
      expect(await any.advance(task)).to.equal(null)
      await any.startRound(task)
      await refusal('NotDue', any.advance(task))
      const { proposers, voters } = await any.round(task, 1)
      const [p, q] = proposers.map((s) => of(s.account)) as [Ledger, Ledger]
      const [v] = voters.map((s) => of(s.account)) as [Ledger, Ledger]
      await p.commit(task, 1, testDelta(p.account, 1))
      await world.elapse(601)
      await refusal('DeadlinePassed', q.commit(task, 1, testDelta(q.account, 1)))
      await any.advance(task)
      expect(await any.task(task)).to.include({ phase: 'reveal', round: 1 })
      await p.reveal(task, 1, testDelta(p.account, 1))
      // no probe: straight to scoring, since all who committed have revealed
      expect((await any.task(task)).phase).to.equal('score')
      const scores = testScores([50, -32_768])
      await v.commitScores(task, 1, scores, salt('v'))
      await world.elapse(401)
      await any.advance(task)
      expect((await any.task(task)).phase).to.equal('tally')
      await world.elapse(301)
      await any.advance(task)
      const { settlement } = await any.round(task, 1)
      const outcomes = settlement?.proposers.map((s) => s.outcome)
      // nobody's scores were revealed: nothing is vouched for
      expect(outcomes).to.have.members(['excluded', 'silent'])
      expect(settlement?.voters.map((s) => s.outcome)).to.have.members(['unrevealed', 'silent'])
      const view = await v.accountView(v.account)
      expect([view.stake, view.slashed]).to.deep.equal([99n * TOKEN, TOKEN])
      // nobody acts at all: the round settles at the first deadline
      await any.startRound(task)
      await world.elapse(601)
      await any.advance(task)
      expect(await any.task(task)).to.include({ status: 'finished', phase: 'idle', round: 2 })
    })

    it('gives the pool back when the creator cancels before the first round', async () => {
      const [a, b] = (await world.ledgers(2)) as [Ledger, Ledger]
      const task = await a.createTask(testParams())
      await refusal('NotCreator', b.cancelTask(task))
      await a.cancelTask(task)
      expect((await a.task(task)).status).to.equal('cancelled')
      await a.claim()
      expect((await a.accountView(a.account)).wallet).to.equal(1000n * TOKEN)
      await refusal('TaskClosed', b.startRound(task))
    })

    it('refuses a task that does not exist', async () => {
      const [a] = (await world.ledgers(1)) as [Ledger]
      await refusal('UnknownTask', a.task(99))
    })

    it('tells listeners of changes by others while it runs, and not after', async () => {
      const [a, b] = (await world.ledgers(2)) as [Ledger, Ledger]
      const seen: number[] = []
      let wake = (): void => {}
      const stop = b.onChange((task) => {
        seen.push(task)
        wake()
      })
      await b.start()
      const first = new Promise<void>((resolve) => {
        wake = resolve
      })
      const task = await a.createTask(testParams())
      await first
      expect(seen).to.include(task)
      stop()
      const count = seen.length
      await a.cancelTask(task)
      await b.stop()
      expect(seen.length).to.equal(count)
    })

    it('counts gas by function', async () => {
      const [a] = (await world.ledgers(1)) as [Ledger]
      await a.deposit(TOKEN)
      await a.deposit(TOKEN)
      expect(a.gasSpent().deposit?.calls).to.equal(2)
    })
  })
}
