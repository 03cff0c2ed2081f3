import { formatEther, ZeroAddress } from 'ethers'
import { readAddresses } from '../../../node/addresses.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import type { Deployment } from '../../../src/ledger/abi/contracts.ts'
import { formatAmount } from '../../../src/ledger/amount.ts'
import { createCoin } from '../../../src/ledger/evm/coin.ts'
import { askChainId } from '../../../src/ledger/rpc/chain-id.ts'
import type { Address } from '../../../src/types/ledger.ts'
import { amountOf } from '../../amounts.ts'
import type { CommandContext, Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { type Config, required } from '../../config.ts'
import { addressOf, withDesk, withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { walletSendOptions } from './options.ts'

/** What was typed, checked. */
interface Order {
  readonly to: Address
  readonly amount: bigint
}

export const walletSendHandler: Handler<typeof walletSendOptions> = async (options, [who = '', text = ''], context) => {
  const { passwordFile, native, ...flags } = options
  const config = configOf(flags, context)
  const order = { to: addressOf(who, 'to'), amount: amountOf(text) }
  if (order.to === ZeroAddress)
    throw new CoveyError('E_CONFIG', 'to: nobody has the key of the address of zeros; what is there is lost')
  return native ? sendCoin(order, config, passwordFile, context) : sendTokens(order, config, passwordFile, context)
}

async function sendTokens(
  { to, amount }: Order,
  config: Config,
  passwordFile: string | null,
  context: CommandContext,
): Promise<unknown> {
  mustNotBeOurs(to, await readAddresses(required(config, 'contracts')))
  return withLedger(config, passwordFile, context, async (ledger, _store, desk) => {
    const { output } = context
    const { account } = ledger
    mustBeAnother(to, account)
    const sent = await desk.send(
      {
        command: `wallet send ${to} '${formatAmount(amount)}'`,
        does: [`send ${output.amount(amount)} of ${account} to ${to}, for good`],
      },
      () => ledger.transfer(to, amount),
    )
    const { wallet } = await ledger.accountView(account)
    output.line(`${output.amount(amount)} sent to ${to}; ${output.amount(wallet)} left in the account`)
    return { account, ...shownSent(sent), to, amount, native: false, left: wallet }
  })
}

async function sendCoin(
  { to, amount }: Order,
  config: Config,
  passwordFile: string | null,
  context: CommandContext,
): Promise<unknown> {
  const { output, signal } = context
  const rpcUrl = required(config, 'rpc')
  const chainId = await askChainId(rpcUrl, signal)
  return withDesk(config, passwordFile, context, chainId, async ({ desk, signer, journal }) => {
    const account = signer.address
    mustBeAnother(to, account)
    const coin = createCoin({ rpcUrl, chainId, signer, journal })
    // an interrupted command waits no longer; what was sent is on record
    const stop = (): void => void coin.stop()
    signal.addEventListener('abort', stop, { once: true })
    try {
      await coin.start()
      const shown = `${formatEther(amount)} of the chain's coin`
      const sent = await desk.send(
        {
          command: `wallet send ${to} '${formatEther(amount)}' --native`,
          does: [`send ${shown} from ${account} to ${to}, for good`],
        },
        () => coin.send(to, amount),
      )
      const left = await coin.balance(account)
      output.line(`${shown} sent to ${to}; ${formatEther(left)} left in the account`)
      return { account, ...shownSent(sent), to, amount, native: true, left }
    } finally {
      signal.removeEventListener('abort', stop)
      await coin.stop()
    }
  })
}

/** Tokens that a contract of ours did not ask for belong to nobody: none of them gives such tokens out again. */
function mustNotBeOurs(to: Address, at: Deployment): void {
  const { token, registry, vault, tasks, arena, emissions } = at
  const found = Object.entries({ token, registry, vault, tasks, arena, emissions }).find(
    ([, address]) => address === to,
  )
  if (found !== undefined)
    throw new CoveyError(
      'E_CONFIG',
      `to: ${to} is this deployment's ${found[0]} contract, where tokens would be lost`,
      {
        remedy: 'use the command that puts them there: `covey stake deposit`, `covey delegate to`, `covey task create`',
      },
    )
}

function mustBeAnother(to: Address, account: Address): void {
  if (to === account) throw new CoveyError('E_CONFIG', `to: ${to} is the account itself; name another one`)
}
