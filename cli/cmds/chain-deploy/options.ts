import { decimal, option, text } from '../../command.ts'
import { chainOptions } from '../../common.ts'

const { contracts: _written, ...writing } = chainOptions

export const chainDeployOptions = {
  ...writing,
  out: option('--out <file>', 'where to write the addresses; an existing file is never overwritten', text, null),
  token: option('--token <address>', 'a token that exists, in place of a development token', text, null),
  supply: option('--supply <amount>', "the development token's supply", text, '1000000'),
  unbondingDays: option(
    '--unbonding-days <days>',
    'how long stake that is asked back can still be slashed; no round may be longer',
    decimal(0.001, 365),
    7,
  ),
}
