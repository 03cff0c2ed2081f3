/**
 * Where every writing command goes: it shows what will be done and what that costs, asks, waits with progress, and is not
 * done twice when its command is run again after a crash.
 *
 * @example
 * const sent = await desk.send({ command: `stake deposit ${amount}`, does: [`put ${output.amount(amount)} at stake`] }, () => ledger.deposit(amount))
 */
import { formatEther, formatUnits, type TransactionReceipt } from 'ethers'
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import {
  arenaInterface,
  emissionsInterface,
  registryInterface,
  tasksInterface,
  tokenInterface,
  vaultInterface,
} from '../../src/ledger/abi/contracts.ts'
import type { TxJournal } from '../../src/ledger/tx/journal.ts'
import type { Hex, TxReceipt } from '../../src/types/ledger.ts'
import type { CommandContext } from '../command.ts'
import { confirm } from '../confirm.ts'
import type { Charge } from './asking-signer.ts'
import { hashesOf, type Outbox, type Unfinished } from './outbox.ts'

export interface WritePlan {
  /** the command and what it was told: the same text for the same command */
  readonly command: string
  /** what will happen, a line each: "put 10 COVEY at stake" */
  readonly does: readonly [string, ...string[]]
  /** doing it twice is doing it once, so it need not be known whether an earlier run has done it: a claim */
  readonly repeatable?: boolean
}

/** What became of a write. */
export interface Sent {
  /** null: what was asked for stood already */
  readonly hash: Hex | null
  readonly block: number | null
  /** gas and its price, wei of the chain's own coin; null: nothing was sent, or nobody knows */
  readonly fee: bigint | null
  /** an earlier run of the same command had sent it */
  readonly earlier: boolean
}

/** Of a command that found nothing to do. */
export const NOTHING_SENT: Sent = { hash: null, block: null, fee: null, earlier: false }

/** What `--json` says of a write. */
export function shownSent({ hash, block, fee, earlier }: Sent): Record<string, unknown> {
  return { transaction: hash, block, fee, earlier }
}

/** What the desk asks the chain by itself. */
export interface DeskChain {
  receipt(hash: Hex): Promise<TransactionReceipt | null>
  nonce(tag: 'latest' | 'pending'): Promise<number>
}

export interface DeskOptions {
  readonly context: CommandContext
  readonly outbox: Outbox
  /** the queue's own journal: what is in it is still being looked after */
  readonly journal: TxJournal
  readonly chain: DeskChain
}

const TICK_MS = 1_000
const LOOK_MS = 300
const INTERFACES = [
  tasksInterface,
  arenaInterface,
  vaultInterface,
  registryInterface,
  tokenInterface,
  emissionsInterface,
]
/** Where a transaction's fate is open: what was sent may still be mined. */
const OPEN_ENDED: ReadonlySet<string> = new Set(['E_ABORTED', 'E_RPC', 'E_STUCK', 'E_INTERNAL', 'E_SIGNER'])

export class WriteDesk {
  readonly #context: CommandContext
  readonly #outbox: Outbox
  readonly #journal: TxJournal
  readonly #chain: DeskChain
  #plan: WritePlan | null = null
  /** to what a person agrees: each transaction, all of them at the first, none more; or only the price is wanted */
  #agreement: 'each' | 'all' | 'given' | ((charge: Charge) => never) = 'each'
  #ticker: NodeJS.Timeout | null = null

  constructor({ context, outbox, journal, chain }: DeskOptions) {
    this.#context = context
    this.#outbox = outbox
    this.#journal = journal
    this.#chain = chain
  }

  /**
   * Does one write, unless an earlier run of the same command has done it.
   * @throws CoveyError E_ARGUMENT (nobody can be asked) | E_ABORTED (not agreed to, or interrupted), and what `act` throws
   */
  async send(plan: WritePlan, act: () => Promise<TxReceipt | null>): Promise<Sent> {
    const { output } = this.#context
    const before = await this.#outbox.find(plan.command)
    const earlier = before === undefined ? null : await this.#fate(before)
    if (before !== undefined) await this.#outbox.finish(plan.command)
    if (before !== undefined && earlier !== null && plan.repeatable !== true) {
      output.note(
        `\`covey ${plan.command}\` was interrupted after it had sent this (${before.begun}): ${sentence(earlier)}. Nothing was sent now; run it again to do it once more.`,
      )
      return { ...earlier, earlier: true }
    }
    return this.#doing(plan, async () => {
      const receipt = await act()
      if (receipt === null) return NOTHING_SENT
      const sent = { hash: receipt.hash, block: receipt.block, fee: await this.#fee(receipt.hash), earlier: false }
      output.note(sentence(sent))
      return sent
    })
  }

  /**
   * A write that finds out by itself what stands already, such as the creation of a task.
   * @throws as `send`
   */
  async once<T>(plan: WritePlan, act: () => Promise<T>): Promise<T> {
    const before = await this.#outbox.find(plan.command)
    if (before !== undefined) await this.#fate(before)
    return this.#doing(plan, act)
  }

  /**
   * Several transactions that make one thing, agreed to once.
   * @throws as `send`
   */
  async together<T>(plan: WritePlan, act: () => Promise<T>): Promise<T> {
    this.#agreement = 'all'
    this.#plan = plan
    try {
      return await act()
    } finally {
      this.#stopTicking()
      this.#agreement = 'each'
      this.#plan = null
    }
  }

  /**
   * What a write would cost: everything is done but the last signature. Null: it needs no transaction.
   * @throws what `act` throws, a refusal of the contract for one
   */
  async price(act: () => Promise<unknown>): Promise<Charge | null> {
    const found: Charge[] = []
    this.#agreement = (charge) => {
      found.push(charge)
      throw new CoveyError('E_ABORTED', 'only its price was asked for')
    }
    try {
      await act()
    } catch (error) {
      if (found.length === 0) throw error
    } finally {
      this.#agreement = 'each'
    }
    return found[0] ?? null
  }

  /** Called by the signer, before it signs: the one place where a person agrees. */
  async approve(charge: Charge): Promise<void> {
    const { output, yes, signal } = this.#context
    this.#stopTicking()
    if (typeof this.#agreement === 'function') this.#agreement(charge)
    const most = charge.gasLimit * charge.maxFeePerGas
    const price = `at most ${formatEther(most)} of the chain's coin (${charge.gasLimit} gas at up to ${formatUnits(charge.maxFeePerGas, 'gwei')} gwei)`
    if (charge.raised) output.note(`not mined yet: sent again with a higher fee, ${price}`)
    else if (this.#agreement === 'given') output.note(`  next: ${nameOf(charge)}, ${price}`)
    else {
      output.note('This will')
      for (const line of this.#plan?.does ?? [`call ${nameOf(charge)}`]) output.note(`  ${line}`)
      output.note(`  fee: ${price}${this.#agreement === 'all' ? ', for the first transaction' : ''}`)
      if (yes !== true && !(await confirm('Send it?', signal)))
        throw new CoveyError('E_ABORTED', 'not agreed to: nothing was sent', {
          remedy: 'run it again when you want it',
        })
      if (this.#agreement === 'all') this.#agreement = 'given'
    }
    this.#tick()
  }

  async #doing<T>(plan: WritePlan, act: () => Promise<T>): Promise<T> {
    this.#plan = plan
    await this.#outbox.begin(plan.command, new Date().toISOString())
    try {
      const result = await act()
      await this.#outbox.finish(plan.command)
      return result
    } catch (error) {
      const lost = isCoveyError(error) && error.data.lost === true
      const open = this.#outbox.sent && !lost && (!isCoveyError(error) || OPEN_ENDED.has(error.code))
      if (!open) await this.#outbox.finish(plan.command)
      else
        this.#context.output.note(
          `it was sent and may still be mined: \`covey ${plan.command}\` looks for it before it sends another`,
        )
      throw error
    } finally {
      this.#stopTicking()
      this.#plan = null
    }
  }

  /** The transaction of an earlier run that was mined, waiting for one that is on its way; null when none was or will be. */
  async #fate(write: Unfinished): Promise<Omit<Sent, 'earlier'> | null> {
    const { signal, output } = this.#context
    const hashes = new Set(write.hashes)
    for (;;) {
      if (signal.aborted) throw new CoveyError('E_ABORTED', 'interrupted while an earlier transaction was looked for')
      const awaited = (await this.#journal.pending()).filter((intent) =>
        hashesOf(intent).some((hash) => hashes.has(hash)),
      )
      // one that was made dearer since has another hash
      for (const hash of awaited.flatMap(hashesOf)) hashes.add(hash)
      for (const hash of hashes) {
        const receipt = await this.#chain.receipt(hash)
        if (receipt !== null)
          return receipt.status === 1 ? { hash, block: receipt.blockNumber, fee: receipt.fee } : null
      }
      // a signer that sends by itself was asked, and nobody noted what it sent: its nonce tells
      const unseen = write.nonce !== null && write.hashes.length === 0
      if (unseen && (await this.#chain.nonce('latest')) > (write.nonce as number))
        return { hash: null, block: null, fee: null }
      const waiting = unseen && (await this.#chain.nonce('pending')) > (write.nonce as number)
      if (awaited.length === 0 && !waiting) return null
      output.progress('an earlier transaction of this command is on its way …')
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  async #fee(hash: Hex): Promise<bigint | null> {
    const receipt = await this.#chain.receipt(hash).catch(() => null)
    return receipt?.fee ?? null
  }

  #tick(): void {
    const begun = Date.now()
    this.#ticker = setInterval(() => {
      this.#context.output.progress(`waiting for a block … ${Math.round((Date.now() - begun) / 1000)} s`)
    }, TICK_MS).unref()
  }

  #stopTicking(): void {
    if (this.#ticker !== null) clearInterval(this.#ticker)
    this.#ticker = null
  }
}

function sentence({ hash, block, fee }: Omit<Sent, 'earlier'>): string {
  if (hash === null) return 'its nonce is used up, so the signer had sent it'
  return `${hash} is in block ${block}${fee === null ? '' : `, fee ${formatEther(fee)} of the chain's coin`}`
}

/** The function called, for a write that nobody described. */
function nameOf({ to, data }: Charge): string {
  if (to === null) return 'deploy a contract'
  for (const iface of INTERFACES) {
    const name = iface.getFunction(data.slice(0, 10))?.name
    if (name !== undefined) return `${name} of ${to}`
  }
  return `${data.slice(0, 10)} of ${to}`
}
