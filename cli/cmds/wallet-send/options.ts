import { flag } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const walletSendOptions = {
  ...chainOptions,
  native: flag('--native', "send the chain's own coin, which pays for gas, instead of tokens; needs no --contracts"),
}
