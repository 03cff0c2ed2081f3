import { CoveyError } from '../../../src/base/errors.ts'
import type { Handler } from '../../command.ts'
import { configOf } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import { shownSent } from '../../write/desk.ts'
import type { registrySetOptions } from './options.ts'

export const registrySetHandler: Handler<typeof registrySetOptions> = async (options, _args, context) => {
  const { passwordFile, name, url, contact, ...flags } = options
  if (name === null && url === null && contact === null)
    throw new CoveyError('E_CONFIG', 'nothing to say: give --name, --url or --contact')
  return withLedger(configOf(flags, context), passwordFile, context, async (ledger, _store, desk) => {
    const { account } = ledger
    const before = await ledger.metadata(account)
    const metadata = { name: name ?? before.name, url: url ?? before.url, contact: contact ?? before.contact }
    const sent = await desk.send(
      {
        command: `registry set ${JSON.stringify(metadata)}`,
        does: [`say of ${account}, for everybody to read: ${JSON.stringify(metadata)}`],
        repeatable: true,
      },
      () => ledger.setMetadata(metadata),
    )
    context.output.line(
      `${account} is "${metadata.name}", ${metadata.url || 'no url'}, ${metadata.contact || 'no contact'}`,
    )
    return { account, ...shownSent(sent), ...metadata }
  })
}
