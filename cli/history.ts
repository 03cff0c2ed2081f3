/** Opens a deployment's history for one command. */
import { readAddresses } from '../node/addresses.ts'
import { type ChainHistory, readHistory } from '../src/ledger/history/read.ts'
import type { CommandContext } from './command.ts'
import { type Config, required } from './config.ts'

/** @throws CoveyError E_CONFIG | E_RPC | E_CHAIN_ID | E_CONTRACT | E_TOO_LARGE, and what `work` throws */
export async function withHistory<T>(
  config: Config,
  context: CommandContext,
  work: (history: ChainHistory) => Promise<T>,
): Promise<T> {
  const { output, signal } = context
  const at = await readAddresses(required(config, 'contracts'))
  const history = await readHistory(required(config, 'rpc'), at, signal, (done, total) =>
    output.progress(`reading events … ${Math.floor((100 * done) / total)} % of ${total} blocks`),
  )
  try {
    return await work(history)
  } finally {
    history.close()
  }
}
