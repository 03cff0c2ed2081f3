import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { utf8 } from '../../../src/base/bytes.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { writeFileAtomic } from '../../../src/base/files.ts'
import { deployContracts } from '../../../src/ledger/chain/deploy.ts'
import { askChainId } from '../../../src/ledger/rpc/chain-id.ts'
import { amountOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { required } from '../../config.ts'
import { addressOf, withDesk } from '../../ledger.ts'
import { publicUrl } from '../../output.ts'
import type { chainDeployOptions } from './options.ts'

const DAY_SECONDS = 86_400

export const chainDeployHandler: Handler<typeof chainDeployOptions> = async (options, _args, context) => {
  const { passwordFile, out, token, supply, unbondingDays, ...flags } = options
  const { output, signal } = context
  if (out === null) throw new CoveyError('E_CONFIG', 'where to write the addresses? Name a file with --out')
  const file = resolve(out)
  if (existsSync(file))
    throw new CoveyError('E_CONFIG', `${file} exists; an addresses file is never overwritten: name another with --out`)
  const config = configOf(flags, context)
  const rpcUrl = required(config, 'rpc')
  const existing = token === null ? {} : { token: addressOf(token, '--token') }
  const wei = amountOf(supply)
  const unbondingSeconds = Math.round(unbondingDays * DAY_SECONDS)
  const chainId = await askChainId(rpcUrl, signal)
  return withDesk(config, passwordFile, context, chainId, async ({ desk, signer }) => {
    const plan = {
      command: `chain deploy --out ${file}`,
      does: [
        `put the contracts on chain ${chainId} at ${publicUrl(rpcUrl)}, in several transactions of ${signer.address}`,
        token === null
          ? `make a development token; its whole supply, ${output.amount(wei)}, goes to ${signer.address}`
          : `use the token at ${token}`,
        `set the unbonding period to ${unbondingDays} days, for good; nobody can change the contracts afterwards`,
        `write the addresses to ${file}`,
      ],
    } as const
    const deployment = await desk.together(plan, () =>
      deployContracts({ rpcUrl, chainId, signer, supply: wei, unbondingSeconds, signal, ...existing }),
    )
    await writeFileAtomic(file, [utf8.encode(`${JSON.stringify(deployment, null, 2)}\n`)])
    for (const name of Object.keys(deployment.codeHashes)) {
      const address = deployment[name as keyof typeof deployment.codeHashes]
      output.line(`${name.padEnd(10)} ${address}`)
    }
    output.line(
      `addresses  ${file}: give it to everyone who takes part (--contracts); \`covey chain verify\` checks it`,
    )
    return { ...deployment, file }
  })
}
