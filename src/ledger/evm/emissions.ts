/** Emissions on an EVM chain: contracts/Emissions.sol behind the seam of src/types/emissions.ts. */

import { keccak256, type Result } from 'ethers'
import { CoveyError } from '../../base/errors.ts'
import type { EmissionShare, EmissionsLedger, EmissionsView, EmissionTarget, LockView } from '../../types/emissions.ts'
import type { Address, Hex, TxReceipt } from '../../types/ledger.ts'
import { decodeAnswer } from '../abi/answer.ts'
import { emissionsInterface, tokenInterface } from '../abi/contracts.ts'
import { decodeEmissions } from '../abi/emission-views.ts'
import { ChainLink, type EvmLedgerOptions, toReceipt } from './link.ts'

interface RawLock {
  readonly id: bigint
  readonly lock: {
    readonly amount: bigint
    readonly noticeDays: bigint
    readonly freeAt: bigint
    readonly where: Address
    readonly target: bigint
  }
}

/**
 * One account's view of the emissions contract of a deployment; its own RPC connection and queue: not to be used beside a
 * ledger with the same key.
 * @throws CoveyError E_CONFIG when the deployment has no emissions
 */
export function createEvmEmissions(options: EvmLedgerOptions): EmissionsLedger {
  const { emissions: at, tasks, arena, codeHashes } = options.addresses
  if (at === undefined)
    throw new CoveyError('E_CONFIG', 'this deployment has no emissions: `covey emissions deploy` adds them')
  const link = new ChainLink(options)

  async function raw(name: string, args: readonly unknown[]): Promise<Hex> {
    const data = emissionsInterface.encodeFunctionData(name, args) as Hex
    return link.rpc.call({ to: at as Address, data, name })
  }

  async function ask<T>(name: string, args: readonly unknown[]): Promise<T> {
    const result = decodeAnswer(emissionsInterface, 'emissions contract', name, await raw(name, args))
    return (result.length === 1 ? result[0] : result) as T
  }

  /** What an event of a transaction of ours says. */
  async function toldIn({ hash }: TxReceipt, name: string): Promise<Result> {
    const receipt = await link.rpc.receipt(hash)
    for (const log of receipt?.logs ?? []) {
      const event = log.address === at ? emissionsInterface.parseLog(log) : null
      if (event?.name === name) return event.args
    }
    throw new CoveyError('E_CONTRACT', `transaction ${hash} holds no ${name} event of the emissions`)
  }

  const act = (name: string, args: readonly unknown[], stands: () => Promise<boolean>) =>
    link.write(at, emissionsInterface, name, async () => args, stands)

  const whereOf = ({ kind }: EmissionTarget): Address => (kind === 'task' ? tasks : arena)

  async function view(): Promise<EmissionsView> {
    return decodeEmissions(await raw('emission', []))
  }

  async function locks(account: Address): Promise<readonly LockView[]> {
    return (await ask<readonly RawLock[]>('locksOf', [account])).map(({ id, lock }) => ({
      id: Number(id),
      amount: lock.amount,
      noticeDays: Number(lock.noticeDays),
      freeAt: lock.freeAt === 0n ? null : Number(lock.freeAt),
      target: { kind: lock.where === tasks ? 'task' : 'arena', id: Number(lock.target) },
    }))
  }

  async function share(name: string, args: readonly unknown[]): Promise<EmissionShare> {
    const [weight, waiting] = await ask<readonly [bigint, bigint]>(name, args)
    return { weight, waiting }
  }

  const mine = async (id: number): Promise<LockView | undefined> =>
    (await locks(link.account)).find((lock) => lock.id === id)
  const holder = (account: Address): Promise<EmissionShare> => share('holderOf', [account])
  const target = (of: EmissionTarget): Promise<EmissionShare> => share('targetOf', [whereOf(of), of.id])

  return {
    account: link.account,
    async start() {
      await link.start()
      const found = keccak256(await link.rpc.code(at))
      if (found !== codeHashes.emissions) {
        const message = `another contract than ours is at ${at} (emissions): its code's hash is ${found}, expected ${codeHashes.emissions}; check the addresses file`
        throw new CoveyError('E_CONTRACT', message, { contract: 'emissions', address: at })
      }
    },
    stop: () => link.stop(),
    view,
    locks,
    holder,
    target,
    async open() {
      const { terms, opened } = await view()
      if (opened) return null
      await link.send(link.at.token, tokenInterface, 'approve', [at, terms.supply])
      return act('open', [], async () => (await view()).opened)
    },
    async lock(amount, noticeDays, of) {
      const args = [amount, noticeDays, whereOf(of), of.id]
      const receipt = await link.withPermit(at, amount, (permit) =>
        permit === null
          ? link.send(at, emissionsInterface, 'lock', args)
          : link.send(at, emissionsInterface, 'lockWithPermit', [...args, ...permit], 'lock'),
      )
      return { ...toReceipt(receipt), lock: Number((await toldIn(toReceipt(receipt), 'Locked')).id) }
    },
    direct: (id, of) =>
      act('direct', [id, whereOf(of), of.id], async () => {
        const lock = await mine(id)
        return lock?.target.kind === of.kind && lock.target.id === of.id
      }),
    unlock: (id) => act('unlock', [id], async () => (await mine(id))?.freeAt != null),
    withdraw: (id) => act('withdraw', [id], async () => (await mine(id)) === undefined),
    async claim() {
      const sent = await act('claim', [], async () => (await holder(link.account)).waiting === 0n)
      return sent && { ...sent, amount: (await toldIn(sent, 'HolderPaid')).amount as bigint }
    },
    async pull(of) {
      const sent = await act('pull', [whereOf(of), of.id], async () => (await target(of)).waiting === 0n)
      if (sent === null) return null
      const { amount, burnt } = await toldIn(sent, 'Pulled')
      return { ...sent, amount: amount as bigint, burnt: burnt as boolean }
    },
  }
}
