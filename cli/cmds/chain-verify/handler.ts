import { readAddresses } from '../../../node/addresses.ts'
import { verifyDeployment } from '../../../src/ledger/chain/verify.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { required } from '../../config.ts'
import type { chainVerifyOptions } from './options.ts'

export const chainVerifyHandler: Handler<typeof chainVerifyOptions> = async (options, _args, context) => {
  const { output, signal } = context
  const config = configOf(options, context)
  const deployment = await readAddresses(required(config, 'contracts'))
  const findings = await verifyDeployment(required(config, 'rpc'), deployment, signal)
  for (const { name, ok, detail } of findings) output.line(`${ok ? 'ok ' : 'BAD'} ${name.padEnd(12)} ${detail}`)
  const bad = findings.filter((finding) => !finding.ok)
  if (bad.length > 0) context.fail()
  output.line(
    bad.length === 0
      ? 'These are the contracts of this version, bound to each other.'
      : `${bad.length} of ${findings.length} checks failed: send no money there.`,
  )
  return { ok: bad.length === 0, chainId: deployment.chainId, findings }
}
