/** Stake, delegations, transfers and claims. */
import { MaxUint256 } from 'ethers'
import type { Ledger, TxReceipt } from '../../types/ledger.ts'
import { tokenInterface, vaultInterface } from '../abi/contracts.ts'
import { highestCommission } from '../abi/params.ts'
import { type ChainLink, toReceipt } from './link.ts'

export type Money = Pick<
  Ledger,
  | 'deposit'
  | 'requestWithdraw'
  | 'withdraw'
  | 'setCommission'
  | 'closeDelegation'
  | 'delegate'
  | 'undelegate'
  | 'claimDelegation'
  | 'transfer'
  | 'claim'
>

/** @param reads what a write looks at before it is sent */
export function moneyOf(link: ChainLink, reads: Pick<Ledger, 'operator' | 'accountView'>): Money {
  const { vault, token } = link.at

  async function ofVault(method: string, args: readonly unknown[], name = method): Promise<TxReceipt> {
    return toReceipt(await link.send(vault, vaultInterface, method, args, name))
  }

  return {
    deposit: (amount) =>
      link.withPermit(vault, amount, (permit) =>
        permit === null ? ofVault('deposit', [amount]) : ofVault('depositWithPermit', [amount, ...permit], 'deposit'),
      ),
    requestWithdraw: (amount) => ofVault('requestWithdraw', [amount]),
    withdraw: () => ofVault('withdraw', []),
    setCommission: (commissionBps) => ofVault('setCommission', [commissionBps]),
    closeDelegation: () => ofVault('closeDelegation', []),
    async delegate(operator, amount, mostCommissionBps) {
      const args = [operator, amount, mostCommissionBps ?? highestCommission(await reads.operator(operator))]
      return link.withPermit(vault, amount, (permit) =>
        permit === null ? ofVault('delegate', args) : ofVault('delegateWithPermit', [...args, ...permit], 'delegate'),
      )
    },
    undelegate: (operator, amount) => ofVault('undelegate', [operator, amount ?? MaxUint256]),
    claimDelegation: (operator) => ofVault('claimDelegation', [operator]),
    transfer: async (to, amount) => toReceipt(await link.send(token, tokenInterface, 'transfer', [to, amount])),
    claim: () => link.act('claim', [], async () => (await reads.accountView(link.account)).claimable === 0n),
  }
}
