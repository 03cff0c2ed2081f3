/** What the stake vault on chain shows (contracts/interfaces/IStakeVault.sol), in the types of src/types/ledger.ts. */
import type { Address, DelegationView, Hex, OperatorView, UnbondingView } from '../../types/ledger.ts'
import { decodeAnswer } from '../abi/answer.ts'
import { vaultInterface } from '../abi/contracts.ts'
import type { Rpc } from '../rpc/rpc.ts'

interface RawOperator {
  readonly account: Address
  readonly stake: bigint
  readonly delegated: bigint
  readonly capacity: bigint
  readonly commissionBps: bigint
  readonly nextCommissionBps: bigint
  readonly nextCommissionAt: bigint
  readonly open: boolean
}

interface RawDelegation {
  readonly operator: Address
  readonly amount: bigint
  readonly shares: bigint
  readonly rewards: bigint
}

interface RawUnbonding {
  readonly operator: Address
  readonly amount: bigint
  readonly unbondsAt: bigint
}

/** Operators in one answer: a few tens of kB. */
const OPERATORS_PAGE = 100

/** One call a question. Every method throws CoveyError E_RPC, or E_CONTRACT when the answer is not our vault's. */
export class VaultReader {
  readonly #rpc: Rpc
  readonly #address: Address

  constructor(rpc: Rpc, address: Address) {
    this.#rpc = rpc
    this.#address = address
  }

  async operator(account: Address): Promise<OperatorView> {
    return toOperator(await this.#ask<RawOperator>('operatorView', [account]))
  }

  async operators(): Promise<readonly OperatorView[]> {
    const all: OperatorView[] = []
    for (;;) {
      const page = await this.#ask<readonly RawOperator[]>('operators', [all.length, OPERATORS_PAGE])
      all.push(...page.map(toOperator))
      if (page.length < OPERATORS_PAGE) return all
    }
  }

  async delegations(account: Address): Promise<readonly DelegationView[]> {
    const raw = await this.#ask<readonly RawDelegation[]>('delegations', [account])
    return raw.map(({ operator, amount, shares, rewards }) => ({ operator, amount, shares, rewards }))
  }

  /** Soonest first. */
  async unbondings(account: Address): Promise<readonly UnbondingView[]> {
    const raw = await this.#ask<readonly RawUnbonding[]>('unbondings', [account])
    return raw
      .map(({ operator, amount, unbondsAt }) => ({ operator, amount, unbondsAt: Number(unbondsAt) }))
      .sort((a, b) => a.unbondsAt - b.unbondsAt)
  }

  async #ask<T>(name: string, args: readonly unknown[]): Promise<T> {
    const data = vaultInterface.encodeFunctionData(name, args) as Hex
    const answer = await this.#rpc.call({ to: this.#address, data, name })
    return decodeAnswer(vaultInterface, 'vault', name, answer)[0] as T
  }
}

function toOperator(o: RawOperator): OperatorView {
  return {
    account: o.account,
    stake: o.stake,
    delegated: o.delegated,
    capacity: o.capacity,
    commissionBps: Number(o.commissionBps),
    next:
      o.nextCommissionAt === 0n
        ? null
        : { commissionBps: Number(o.nextCommissionBps), from: Number(o.nextCommissionAt) },
    open: o.open,
  }
}
