import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { accountOf, withReadOnlyLedger } from '../../ledger.ts'
import { strangersText } from '../../stranger.ts'
import type { registryShowOptions } from './options.ts'

export const registryShowHandler: Handler<typeof registryShowOptions> = async (options, _args, context) => {
  const { account: given, ...flags } = options
  const { output } = context
  const config = configOf(flags, context)
  const account = await accountOf(given, config.dir)
  return withReadOnlyLedger(config, account, async (ledger) => {
    const [node, metadata] = await Promise.all([ledger.node(account), ledger.metadata(account)])
    output.line(`account  ${account}`)
    output.line(`peer id  ${node?.peerId ?? 'none: a node registers when it starts'}`)
    for (const field of ['name', 'url', 'contact'] as const)
      if (metadata[field] !== '') output.line(`${field.padEnd(8)} ${strangersText(metadata[field])}`)
    return { account, peerId: node?.peerId ?? null, ...metadata }
  })
}
