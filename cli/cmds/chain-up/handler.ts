import { join } from 'node:path'
import { getAddress, isAddress, parseEther } from 'ethers'
import { CoveyError } from '../../../src/base/errors.ts'
import { startLocalChain } from '../../../src/ledger/chain/local-chain.ts'
import type { Address } from '../../../src/types/ledger.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import type { chainUpOptions } from './options.ts'

/** Gas money of a funded account on a development chain. */
const GAS_MONEY = parseEther('10000')

export const chainUpHandler: Handler<typeof chainUpOptions> = async (options, _args, context) => {
  const { output, signal } = context
  const { fund, port, chainId } = options
  for (const address of fund)
    if (!isAddress(address))
      throw new CoveyError('E_CONFIG', `--fund: expected an address, got ${JSON.stringify(address)}`)
  const chain = await startLocalChain({
    dir: join(configOf({ dir: options.dir }, context).dir, 'chain'),
    chainId,
    port,
    funded: Object.fromEntries(fund.map((a) => [getAddress(a) as Address, GAS_MONEY])),
    onRestart: (reason) => output.note(`the chain was started again: ${reason}`),
  })
  try {
    output.event({ event: 'chain-ready', rpc: chain.url, chainId })
    output.line(`chain ${chainId} at ${chain.url} (Ctrl-C stops it)`)
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  } finally {
    await chain.stop()
  }
  return undefined
}
