/**
 * Wallets, stakes, delegations and registered nodes in memory: what StakeVault, NodeRegistry and the token are to CoveyTasks, which is
 * MemoryChain. Each act is a block.
 */
import type { Clock } from '../../types/clock.ts'
import type {
  AccountView,
  Address,
  DelegationView,
  NodeMetadata,
  NodeRecord,
  OperatorView,
  TxReceipt,
  UnbondingView,
} from '../../types/ledger.ts'
import { revert } from '../abi/revert.ts'
import type { History, HistoryEvent } from '../history/events.ts'
import { HistoryLog, memoryTransaction } from '../history/log.ts'
import { MemoryRegistry } from './registry.ts'
import type { MutableAccount } from './round.ts'
import { MemoryVault } from './vault.ts'

export interface MemoryMoneyOptions {
  readonly clock: Clock
  readonly chainId?: number
  /** how long requested stake stays slashable, seconds */
  readonly unbondingSeconds?: number
}

/** Longer than any round that a test runs: the contract refuses a task whose round is longer. */
const DEFAULT_UNBONDING_SECONDS = 86_400

export class MemoryMoney {
  readonly chainId: number
  readonly registry = new MemoryRegistry()
  protected readonly vault: MemoryVault
  readonly #clock: Clock
  readonly #accounts = new Map<Address, MutableAccount>()
  readonly #log: HistoryLog
  #block = 0

  constructor({ clock, chainId = 31_337, unbondingSeconds = DEFAULT_UNBONDING_SECONDS }: MemoryMoneyOptions) {
    this.#clock = clock
    this.chainId = chainId
    this.vault = new MemoryVault(unbondingSeconds)
    this.#log = new HistoryLog(chainId)
  }

  /** Ends a block. */
  seal(): TxReceipt {
    this.#block++
    return { hash: memoryTransaction(this.chainId, this.#block), block: this.#block, gasUsed: 0n }
  }

  /** unix seconds */
  time(): number {
    return Math.floor(this.#clock.now() / 1000)
  }

  /** Tokens from nowhere, as the deployer of a development net has them. */
  mint(account: Address, amount: bigint): void {
    this.accountOf(account).wallet += amount
  }

  // ---- views

  accountView(account: Address): AccountView {
    const sums = this.accountOf(account)
    const unbondings = this.vault.unbondings(account)
    return {
      account,
      // gas is free here; a full tank, so that a caller's low-fuel check stays quiet
      gas: 10n ** 18n,
      ...sums,
      stake: this.vault.stakeOf(account),
      unbonding: unbondings.reduce((sum, { amount }) => sum + amount, 0n),
      unbondsAt: Math.max(0, ...unbondings.map(({ unbondsAt }) => unbondsAt)),
      slashed: this.vault.slashedOf(account),
    }
  }

  unbondings(account: Address): readonly UnbondingView[] {
    return this.vault.unbondings(account)
  }

  delegations(account: Address): readonly DelegationView[] {
    return this.vault.delegations(account)
  }

  operator(account: Address): OperatorView {
    return this.vault.operator(account, this.time())
  }

  operators(): readonly OperatorView[] {
    return this.vault.operators(this.time())
  }

  // ---- acts

  register(record: NodeRecord): TxReceipt {
    this.registry.register(record)
    return this.seal()
  }

  setMetadata(sender: Address, metadata: NodeMetadata): TxReceipt {
    this.registry.setMetadata(sender, metadata)
    return this.seal()
  }

  exit(sender: Address): TxReceipt {
    const own = this.vault.unbondings(sender).filter(({ operator }) => operator === sender)
    const unbonding = own.reduce((sum, { amount }) => sum + amount, 0n)
    this.registry.exit(sender, this.vault.stakeOf(sender), unbonding)
    return this.seal()
  }

  deposit(sender: Address, amount: bigint): TxReceipt {
    this.#afford(sender, amount)
    this.vault.deposit(sender, amount)
    this.spend(sender, amount)
    this.emit('vault', 'Deposited', { account: sender, amount, stake: this.vault.stakeOf(sender) })
    return this.seal()
  }

  requestWithdraw(sender: Address, amount: bigint): TxReceipt {
    this.vault.requestWithdraw(sender, amount, this.time())
    const unbondsAt = Math.max(...this.vault.unbondings(sender).map((u) => u.unbondsAt))
    this.emit('vault', 'WithdrawRequested', { account: sender, amount, unbondsAt })
    return this.seal()
  }

  withdraw(sender: Address): TxReceipt {
    const amount = this.vault.withdraw(sender, this.time())
    this.accountOf(sender).wallet += amount
    this.emit('vault', 'Withdrawn', { account: sender, amount })
    return this.seal()
  }

  setCommission(sender: Address, commissionBps: number): TxReceipt {
    this.vault.setCommission(sender, commissionBps, this.time())
    const from = this.vault.operator(sender, this.time()).next?.from ?? this.time()
    this.emit('vault', 'CommissionSet', { operator: sender, commissionBps, from })
    return this.seal()
  }

  closeDelegation(sender: Address): TxReceipt {
    this.vault.closeDelegation(sender)
    this.emit('vault', 'DelegationClosed', { operator: sender })
    return this.seal()
  }

  delegate(sender: Address, operator: Address, amount: bigint, mostCommissionBps: number): TxReceipt {
    this.#afford(sender, amount)
    const before = this.#held(sender, operator)
    this.vault.delegate(sender, operator, amount, mostCommissionBps, this.time())
    this.spend(sender, amount)
    const shares = this.#held(sender, operator).shares - before.shares
    this.emit('vault', 'Delegated', { account: sender, operator, amount, shares })
    return this.seal()
  }

  undelegate(sender: Address, operator: Address, amount: bigint | null): TxReceipt {
    const before = this.#held(sender, operator)
    this.vault.undelegate(sender, operator, amount, this.time())
    const shares = before.shares - this.#held(sender, operator).shares
    this.emit('vault', 'Undelegated', { account: sender, operator, amount: amount ?? before.amount, shares })
    return this.seal()
  }

  claimDelegation(sender: Address, operator: Address): TxReceipt {
    const amount = this.vault.claimDelegation(sender, operator)
    this.accountOf(sender).wallet += amount
    this.emit('vault', 'DelegationClaimed', { account: sender, operator, amount })
    return this.seal()
  }

  transfer(sender: Address, to: Address, amount: bigint): TxReceipt {
    this.spend(sender, amount)
    this.accountOf(to).wallet += amount
    return this.seal()
  }

  claim(sender: Address): TxReceipt {
    const a = this.accountOf(sender)
    if (a.claimable === 0n) throw revert('NothingToClaim', { account: sender })
    this.emit('tasks', 'Claimed', { account: sender, amount: a.claimable })
    a.wallet += a.claimable
    a.claimable = 0n
    return this.seal()
  }

  /** Tokens that nobody has any more. */
  burn(sender: Address, amount: bigint): TxReceipt {
    this.spend(sender, amount)
    return this.seal()
  }

  /** @throws CoveyError E_REVERT when the account has less */
  mustAfford(sender: Address, amount: bigint): void {
    this.#afford(sender, amount)
  }

  // ---- for what is built on it

  protected credit(account: Address, amount: bigint): void {
    const a = this.accountOf(account)
    a.claimable += amount
    a.earned += amount
  }

  protected accountOf(address: Address): MutableAccount {
    const known = this.#accounts.get(address)
    if (known !== undefined) return known
    const fresh: MutableAccount = { wallet: 0n, claimable: 0n, earned: 0n }
    this.#accounts.set(address, fresh)
    return fresh
  }

  #held(account: Address, operator: Address): Pick<DelegationView, 'shares' | 'amount'> {
    const held = this.vault.delegations(account).find((d) => d.operator === operator)
    return held ?? { shares: 0n, amount: 0n }
  }

  /** Writes down what a contract would have emitted. */
  emit(contract: HistoryEvent['contract'], name: string, args: Readonly<Record<string, unknown>>): void {
    // the call that is running seals the next block
    this.#log.emit(contract, name, args, { block: this.#block + 1, time: this.time() })
  }

  #afford(sender: Address, amount: bigint): MutableAccount {
    const a = this.accountOf(sender)
    if (a.wallet < amount) throw revert('ERC20InsufficientBalance', { sender, balance: a.wallet, needed: amount })
    return a
  }

  protected spend(sender: Address, amount: bigint): void {
    this.#afford(sender, amount).wallet -= amount
  }

  /** The events so far. */
  protected told(): Pick<History, 'block' | 'events' | 'unbondingSeconds'> {
    return { block: this.#block, events: [...this.#log.events], unbondingSeconds: this.vault.unbondingSeconds }
  }
}
