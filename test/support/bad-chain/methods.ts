/** The JSON-RPC methods that the ledger uses, over a small chain, as a server answers them that stands `lag` blocks behind. */
import { getAddress } from 'ethers'
import type { Address, Hex } from '../../../src/types/ledger.ts'
import { LOG_ADDRESS, Refusal, type SmallBlock, type SmallChain, type SmallTx } from './small-chain.ts'

const ZEROS = (bytes: number): Hex => `0x${'0'.repeat(2 * bytes)}`
const hex = (n: number | bigint): Hex => `0x${n.toString(16)}`
const GAS = 21_000
const TIP = 1_000_000_000n
/** Seconds between two blocks, by their timestamps. */
const BLOCK_SECONDS = 12

/** @param most logs ranges of at most so many blocks @throws Refusal */
export function answer(
  chain: SmallChain,
  method: string,
  params: readonly unknown[],
  lag: number,
  most = Number.POSITIVE_INFINITY,
): unknown {
  const height = Math.max(0, chain.blocks.length - 1 - lag)
  const at = (tag: unknown): SmallBlock | undefined => {
    if (tag === 'latest' || tag === 'pending') return chain.blocks[height]
    const number = Number(tag)
    return number <= height ? chain.blocks[number] : undefined
  }
  const [first, second] = params
  switch (method) {
    case 'eth_chainId':
      return hex(chain.chainId)
    case 'eth_blockNumber':
      return hex(height)
    case 'eth_gasPrice':
      return hex(chain.baseFee + TIP)
    case 'eth_maxPriorityFeePerGas':
      return hex(TIP)
    case 'eth_estimateGas':
      return hex(GAS)
    case 'eth_call':
      return '0x'
    case 'eth_getBalance':
      return hex(10n ** 21n)
    case 'eth_getBlockByNumber':
      return toBlock(at(first))
    case 'eth_getTransactionCount': {
      const account = getAddress(String(first)) as Address
      return hex(second === 'pending' ? chain.pendingNonce(account, height) : chain.nonce(account, height))
    }
    case 'eth_sendRawTransaction':
      return chain.submit(first as Hex)
    case 'eth_getTransactionByHash':
      return chain.pooled(first as Hex) ?? chain.find(first as Hex, height)?.tx.hash ?? null
    case 'eth_getTransactionReceipt': {
      const found = chain.find(first as Hex, height)
      return found === null ? null : toReceipt(found.block, found.tx)
    }
    case 'eth_getLogs': {
      const { blockHash, fromBlock, toBlock } = first as { blockHash?: Hex; fromBlock?: Hex; toBlock?: Hex }
      if (blockHash !== undefined) {
        const block = chain.blocks.slice(0, height + 1).find(({ hash }) => hash === blockHash)
        if (block === undefined) throw new Refusal(-32_000, 'unknown block')
        return toLogs(block)
      }
      if (Number(toBlock) - Number(fromBlock) >= most) throw new Refusal(-32_005, `block range limited to ${most}`)
      return chain.blocks.slice(Number(fromBlock), Math.min(Number(toBlock), height) + 1).flatMap(toLogs)
    }
    default:
      throw new Refusal(-32_601, `the method ${method} does not exist`)
  }
}

function toBlock(block: SmallBlock | undefined): unknown {
  if (block === undefined) return null
  return {
    number: hex(block.number),
    hash: block.hash,
    parentHash: block.parentHash,
    timestamp: hex(BLOCK_SECONDS * block.number),
    nonce: ZEROS(8),
    difficulty: '0x0',
    gasLimit: hex(30_000_000),
    gasUsed: hex(GAS * block.txs.length),
    miner: ZEROS(20),
    extraData: '0x',
    baseFeePerGas: hex(block.baseFee),
    transactions: block.txs.map(({ hash }) => hash),
  }
}

function toLogs(block: SmallBlock): readonly unknown[] {
  return block.txs.map((tx, i) => ({
    address: LOG_ADDRESS,
    topics: [],
    data: tx.data,
    blockHash: block.hash,
    blockNumber: hex(block.number),
    transactionHash: tx.hash,
    transactionIndex: hex(i),
    logIndex: hex(i),
    removed: false,
  }))
}

function toReceipt(block: SmallBlock, tx: SmallTx): unknown {
  const index = block.txs.indexOf(tx)
  return {
    to: tx.to,
    from: tx.from,
    contractAddress: null,
    transactionIndex: hex(index),
    gasUsed: hex(GAS),
    logsBloom: ZEROS(256),
    blockHash: block.hash,
    transactionHash: tx.hash,
    logs: toLogs(block).slice(index, index + 1),
    blockNumber: hex(block.number),
    cumulativeGasUsed: hex(GAS * (index + 1)),
    effectiveGasPrice: hex(tx.fee),
    status: '0x1',
    type: '0x2',
  }
}
