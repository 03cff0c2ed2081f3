import { expect } from 'chai'
import { getAddress, zeroPadValue } from 'ethers'
import { deployContracts } from '../../../src/ledger/chain/deploy.ts'
import { createEvmLedger, type EvmLedger } from '../../../src/ledger/evm/ledger.ts'
import type { History } from '../../../src/ledger/history/events.ts'
import { explainRewards } from '../../../src/ledger/history/explain.ts'
import { readHistory } from '../../../src/ledger/history/read.ts'
import { stakeHistory } from '../../../src/ledger/history/stake.ts'
import { createMemoryChain } from '../../../src/ledger/memory/ledger.ts'
import type { AccountView, Address, DelegationView, Ledger } from '../../../src/types/ledger.ts'
import { startTestChain, TEST_CHAIN_ID, testSigner } from '../../support/ledger-anvil.ts'
import { type MoneyScene, playMoneyScene } from '../../support/money-scenario.ts'

const TOKEN = 10n ** 18n

/** The scene on the chain in memory, its seats drawn by `seed`. */
async function inMemory(seed: string): Promise<{ scene: MoneyScene; history: History }> {
  let ms = 1_800_000_000_000
  const sleep = async (by: number): Promise<void> => {
    ms += by
  }
  const clock = { now: () => ms, sleep }
  const memory = createMemoryChain({ clock, seed })
  const scene = await playMoneyScene({
    ledgers: async (count) =>
      Array.from({ length: count }, (_, i) => {
        const account = getAddress(zeroPadValue(`0x${(i + 1).toString(16).padStart(2, '0')}`, 20)) as Address
        memory.mint(account, 1000n * TOKEN)
        return memory.ledger(account)
      }),
    elapse: (seconds) => sleep(seconds * 1000),
  })
  return { scene, history: memory.chain.history() }
}

/** That what is explained is what the ledger says, to the last wei, for everybody. @returns kinds of outcomes that occurred */
async function checkAll(history: History, { all, creator }: MoneyScene, look: Ledger): Promise<ReadonlySet<string>> {
  const kinds = new Set<string>()
  for (const { account } of all) {
    const told = explainRewards(history, account)
    const { totals } = told
    const view = await look.accountView(account)
    expect(told.disagreements).to.deep.equal([])
    expect(totals.claimable, 'claimable').to.equal(view.claimable)
    expect(totals.paid - totals.toDelegators + totals.fees, 'earned').to.equal(view.earned)
    expect(totals.slashed, 'slashed').to.equal(view.slashed)
    const delegated = await look.delegations(account)
    expect(totals.delegated.claimable, 'of delegations').to.equal(delegated.reduce((sum, d) => sum + d.rewards, 0n))
    checkStake(history, account, { view, delegated })
    for (const seat of told.seats) {
      kinds.add(`${seat.reason.role} ${seat.reason.outcome}`)
      if (seat.toDelegators > 0n) kinds.add('shared')
      expect(seat.kept + seat.toDelegators).to.equal(seat.paid)
      const { reason } = seat
      const byRule =
        reason.role === 'proposer'
          ? reason.equal + reason.byMedian
          : reason.outcome === 'agreed'
            ? (reason.forVoters * seat.weight) / reason.revealedWeight
            : 0n
      expect(byRule).to.equal(seat.paid)
    }
    if (told.delegations.length > 0) kinds.add('delegator')
    if (told.claims.length > 0) kinds.add('claimed')
    if (told.refunds.length > 0) kinds.add('refunded')
    if (told.fees.length > 0) kinds.add('kept')
  }
  expect(explainRewards(history, creator.account).refunds.map((r) => r.why)).to.deep.equal([
    'left when the task was cancelled',
    'not spent when the task finished',
  ])
  return kinds
}

/** That the history of an account's stake ends where the ledger is, and that every wei of it came and went by a step. */
function checkStake(
  history: History,
  account: Address,
  { view, delegated }: { readonly view: AccountView; readonly delegated: readonly DelegationView[] },
): void {
  const steps = stakeHistory(history, account)
  const last = steps.at(-1)?.after ?? { stake: 0n, delegated: 0n, unbonding: 0n }
  const worth = delegated.reduce((sum, d) => sum + d.amount, 0n)
  expect(last).to.deep.equal({ stake: view.stake, delegated: worth, unbonding: view.unbonding })
  let expected = 0n
  let moves = 0n
  for (const step of steps) {
    if (step.kind === 'deposited' || step.kind === 'delegated') expected += step.amount
    if (step.kind === 'withdrawn') expected -= step.amount
    if (step.kind === 'slashed') expected -= step.lost.stake + step.lost.delegated + step.lost.unbonding
    moves++
  }
  // shares of a pool round against whoever moves: a wei a step at most
  const rest = expected - (last.stake + last.delegated + last.unbonding)
  expect(rest >= -moves && rest <= moves, `${rest} wei unexplained after ${moves} steps`).to.equal(true)
}

describe('rewards explained', () => {
  it('add up to the last wei on the chain in memory, whoever had which seat', async () => {
    const kinds = new Set<string>()
    for (const seed of ['one', 'two', 'three', 'four', 'five', 'six']) {
      const { scene, history } = await inMemory(seed)
      for (const kind of await checkAll(history, scene, scene.creator)) kinds.add(kind)
      expect(scene.all.map(({ account }) => explainRewards(history, account))).to.deep.equal(
        scene.all.map(({ account }) => explainRewards(history, account)),
      )
    }
    expect([...kinds]).to.include.members([
      ...['proposer included', 'proposer silent', 'proposer unrevealed', 'proposer slashed', 'voter agreed'],
      ...['voter unrevealed', 'voter slashed', 'shared', 'delegator', 'claimed', 'refunded', 'kept'],
    ])
  })

  it('say so when the chain settled otherwise than the rules, and still add up to what it paid', async () => {
    const { scene, history } = await inMemory('one')
    const events = history.events.map((event) =>
      event.name === 'Rewarded'
        ? { ...event, args: { ...event.args, amount: (event.args.amount as bigint) + 1n } }
        : event,
    )
    const told = scene.nodes.map(({ account }) => explainRewards({ ...history, events }, account))
    expect(told.every((t) => t.disagreements.length > 0)).to.equal(true)
    for (const { totals, seats } of told) expect(totals.paid).to.equal(seats.reduce((sum, s) => sum + s.paid, 0n))
  })

  it('refuse events that cannot have come out of the contracts', async () => {
    const { scene, history } = await inMemory('one')
    const events = history.events.filter((event) => event.name !== 'Deposited')
    expect(() => explainRewards({ ...history, events }, scene.creator.account))
      .to.throw(/does not follow/)
      .with.property('code', 'E_CONTRACT')
  })

  it('add up to the last wei on an EVM', async () => {
    const names = Array.from({ length: 9 }, (_, i) => `account ${i}`)
    const world = await startTestChain(['deployer', ...names])
    const signer = testSigner('deployer')
    const rpcUrl = world.chain.url
    const [supply, unbondingSeconds] = [10n ** 26n, 86_400]
    const at = await deployContracts({ rpcUrl, chainId: TEST_CHAIN_ID, signer, supply, unbondingSeconds, poll_ms: 5 })
    const open = (name: string): EvmLedger =>
      createEvmLedger({ rpcUrl, addresses: at, signer: testSigner(name), poll_ms: 5 })
    const bank = createEvmLedger({ rpcUrl, addresses: at, signer, poll_ms: 5 })
    await Promise.all(names.map((name) => bank.transfer(testSigner(name).address, 1000n * TOKEN)))
    const scene = await playMoneyScene({
      ledgers: async (count) => names.slice(0, count).map(open),
      async elapse(seconds) {
        await world.chain.admin('evm_increaseTime', [seconds])
        await world.chain.admin('evm_mine')
      },
    })
    const history = await readHistory(rpcUrl, at, new AbortController().signal)
    await checkAll(history, scene, bank)
    for (const { account } of scene.all) {
      const { gas: _gas, ...view } = await bank.accountView(account)
      expect(await history.account(account)).to.deep.equal({ ...view, gas: 0n })
      expect(await history.delegations(account)).to.deep.equal(await bank.delegations(account))
    }
    // times are those of the blocks, and only go on
    const times = history.events.map((event) => event.time)
    expect(times.every((time, i) => time > 0 && time >= (times[i - 1] ?? 0))).to.equal(true)
    history.close()
    await Promise.all([bank, ...scene.all].map((ledger) => ledger.stop()))
    await world.remove()
  }).timeout(120_000)
})
