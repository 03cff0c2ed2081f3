import { writeAddresses } from '../../../node/addresses.ts'
import { formatAmount } from '../../../src/ledger/amount.ts'
import { deployEmissions } from '../../../src/ledger/chain/deploy-emissions.ts'
import { lockWeight } from '../../../src/round/emissions.ts'
import { amountOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { required } from '../../config.ts'
import { withWriter } from '../../ledger.ts'
import type { emissionsDeployOptions } from './options.ts'

const YEAR_DAYS = 365

export const emissionsDeployHandler: Handler<typeof emissionsDeployOptions> = async (options, [text = ''], context) => {
  const { passwordFile, rate, holders, fullLock, ...flags } = options
  const { output } = context
  const supply = amountOf(text)
  const locked = fullLock ?? supply / 100n
  const terms = { supply, rate, holderBps: holders, fullWeight: lockWeight(locked > 0n ? locked : 1n, YEAR_DAYS) }
  const config = configOf(flags, context)
  const open = (chain: Parameters<Parameters<typeof withWriter>[3]>[0]) => ({ chain, start: nothing, stop: nothing })
  return withWriter(config, passwordFile, context, open, async ({ chain }, _store, desk) => {
    const deployment = await desk.once(
      {
        command: `emissions deploy '${formatAmount(supply)}'`,
        does: [
          `deploy the emissions contract for ${output.amount(supply)}, a day ${rate / 10_000_000} % of what is left`,
          'its terms can never be changed; `covey emissions open` gives the supply',
        ],
      },
      () => deployEmissions({ ...chain, terms }),
    )
    await writeAddresses(required(config, 'contracts'), deployment)
    output.line(`emissions at ${deployment.emissions}; \`covey emissions open\` begins them`)
    return { account: chain.signer.address, emissions: deployment.emissions, terms }
  })
}

async function nothing(): Promise<void> {}
