/**
 * A chain that fits into a page: blocks, nonces, a pool with EIP-1559 replacement, and reorganisations. Every transaction
 * does one thing: it logs its data. So what is on the chain is what was done, in order, and doing something twice shows.
 */
import { keccak256, Transaction, toUtf8Bytes } from 'ethers'
import type { Random } from '../../../src/base/random.ts'
import type { Address, Hex } from '../../../src/types/ledger.ts'

/** Where every transaction logs. */
export const LOG_ADDRESS: Address = '0x000000000000000000000000000000000000c0Fe'
const GENESIS: Hex = `0x${'0'.repeat(64)}`

export interface SmallTx {
  readonly hash: Hex
  readonly from: Address
  readonly to: Address | null
  readonly nonce: number
  readonly data: Hex
  readonly fee: bigint
  readonly tip: bigint
}

export interface SmallBlock {
  readonly number: number
  readonly hash: Hex
  readonly parentHash: Hex
  readonly baseFee: bigint
  readonly txs: readonly SmallTx[]
}

/** What a JSON-RPC server answers with. */
export class Refusal extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export class SmallChain {
  readonly chainId: number
  baseFee = 1_000_000_000n
  #blocks: SmallBlock[] = []
  #pool = new Map<Hex, SmallTx>()
  #salt = 0

  constructor(chainId: number) {
    this.chainId = chainId
    this.#append([])
  }

  get blocks(): readonly SmallBlock[] {
    return this.#blocks
  }

  get waiting(): number {
    return this.#pool.size
  }

  /** The data of all transactions that have effect, in order. */
  effects(): readonly Hex[] {
    return this.#blocks.flatMap(({ txs }) => txs.map(({ data }) => data))
  }

  /** @param height of the last block that counts */
  nonce(account: Address, height: number): number {
    return this.#blocks
      .slice(0, height + 1)
      .reduce((sum, { txs }) => sum + txs.filter(({ from }) => from === account).length, 0)
  }

  /** With what waits in the pool without a gap. */
  pendingNonce(account: Address, height: number): number {
    const waiting = new Set([...this.#pool.values()].filter(({ from }) => from === account).map(({ nonce }) => nonce))
    let next = this.nonce(account, height)
    while (waiting.has(next)) next++
    return next
  }

  find(hash: Hex, height: number): { block: SmallBlock; tx: SmallTx } | null {
    for (const block of this.#blocks.slice(0, height + 1))
      for (const tx of block.txs) if (tx.hash === hash) return { block, tx }
    return null
  }

  pooled(hash: Hex): SmallTx | undefined {
    return this.#pool.get(hash)
  }

  /** @throws Refusal in geth's words */
  submit(raw: Hex): Hex {
    const parsed = Transaction.from(raw)
    if (Number(parsed.chainId) !== this.chainId) throw new Refusal(-32_000, 'invalid chain id for signer')
    const tx: SmallTx = {
      hash: parsed.hash as Hex,
      from: parsed.from as Address,
      to: parsed.to as Address | null,
      nonce: parsed.nonce,
      data: parsed.data as Hex,
      fee: parsed.maxFeePerGas ?? 0n,
      tip: parsed.maxPriorityFeePerGas ?? 0n,
    }
    if (tx.nonce < this.nonce(tx.from, this.#blocks.length - 1)) throw new Refusal(-32_000, 'nonce too low')
    if (this.#pool.has(tx.hash)) throw new Refusal(-32_000, 'already known')
    const rival = [...this.#pool.values()].find(({ from, nonce }) => from === tx.from && nonce === tx.nonce)
    if (rival !== undefined) {
      const enough = (now: bigint, before: bigint): boolean => now * 100n >= before * 110n
      if (!enough(tx.fee, rival.fee) || !enough(tx.tip, rival.tip))
        throw new Refusal(-32_000, 'replacement transaction underpriced')
      this.#pool.delete(rival.hash)
    }
    this.#pool.set(tx.hash, tx)
    return tx.hash
  }

  /** Seals a block of what can run; without `random` all of it, else a part. */
  mine(random?: Random): void {
    const next = new Map<Address, number>()
    const txs: SmallTx[] = []
    for (const tx of [...this.#pool.values()].sort((a, b) => a.nonce - b.nonce)) {
      const due = next.get(tx.from) ?? this.nonce(tx.from, this.#blocks.length - 1)
      if (tx.nonce < due) this.#pool.delete(tx.hash)
      if (tx.nonce !== due || tx.fee < this.baseFee || (random !== undefined && random.next() < 0.3)) continue
      next.set(tx.from, due + 1)
      this.#pool.delete(tx.hash)
      txs.push(tx)
    }
    this.#append(txs)
  }

  /** Forgets what waits. */
  forget(): void {
    this.#pool.clear()
  }

  /** Puts the last `depth` blocks back. @param lose their transactions are forgotten, too */
  putBack(depth: number, lose: boolean): void {
    const gone = this.#blocks.splice(Math.max(1, this.#blocks.length - depth))
    if (!lose) for (const { txs } of gone) for (const tx of txs) this.#pool.set(tx.hash, tx)
  }

  /** Replaces the last `depth` blocks by one more, of whatever the pool then gives. */
  reorganise(depth: number, lose: boolean, random: Random): void {
    const before = this.#blocks.length
    this.putBack(depth, lose)
    while (this.#blocks.length <= before) this.mine(random)
  }

  #append(txs: readonly SmallTx[]): void {
    const parentHash = this.#blocks.at(-1)?.hash ?? GENESIS
    const hash = keccak256(toUtf8Bytes(`${parentHash}/${++this.#salt}`)) as Hex
    this.#blocks.push({ number: this.#blocks.length, hash, parentHash, baseFee: this.baseFee, txs })
  }
}
