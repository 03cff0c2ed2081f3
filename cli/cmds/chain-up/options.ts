import { integer, list, option, text } from '../../command.ts'
import { dirOption } from '../../common.ts'

export const chainUpOptions = {
  dir: dirOption,
  port: option('--port <n>', 'port of the RPC on 127.0.0.1, 0 = any free one', integer(0, 65_535), 8545),
  chainId: option('--chain-id <n>', 'chain id', integer(1, 2 ** 31), 31_337),
  fund: list('--fund <address>', 'account that a fresh chain gives gas money; may be repeated', text),
}
