import type { Handler } from '../../command.ts'
import { configOf, engineOf, SHIPPED_MODEL } from '../../common.ts'
import { withReadOnlyLedger } from '../../ledger.ts'
import { explain, publicUrl } from '../../output.ts'
import {
  checkChainBinary,
  checkDevices,
  checkDisk,
  checkEngine,
  checkMachine,
  checkModel,
  checkNode,
  checkPort,
} from './checks.ts'
import type { doctorOptions } from './options.ts'

interface Finding {
  readonly name: string
  readonly ok: boolean
  /** false: Covey works without it, with less */
  readonly needed: boolean
  readonly detail: string
  readonly code: string | null
}

const DEFAULT_PORT = 8080

export const doctorHandler: Handler<typeof doctorOptions> = async (options, _args, context) => {
  const { output } = context
  const config = configOf(options, context)
  const { settings } = config
  const findings: Finding[] = []
  const check = async (name: string, needed: boolean, run: () => Promise<string>): Promise<void> => {
    let finding: Finding
    try {
      finding = { name, ok: true, needed, detail: await run(), code: null }
    } catch (error) {
      const { code, message, remedy } = explain(error)
      finding = { name, ok: false, needed, detail: `${message}; to do: ${remedy}`, code }
    }
    findings.push(finding)
    const mark = finding.ok ? 'ok  ' : needed ? 'BAD ' : 'none'
    output.line(`${mark} ${name.padEnd(8)} ${finding.detail}`)
  }

  await check('node', true, checkNode)
  await check('machine', true, checkMachine)
  await check('engine', true, async () => checkEngine(await engineOf(config)))
  // what --device may name; the check above has tried the one that is set
  await check('devices', false, checkDevices)
  await check('disk', true, () => checkDisk(config.dir))
  await check('model', true, () => checkModel(settings.model ?? SHIPPED_MODEL))
  await check('port', true, () => checkPort(settings.port ?? DEFAULT_PORT))
  // only the embedded chain needs it
  await check('anvil', false, checkChainBinary)
  const { rpc } = settings
  if (rpc !== undefined && settings.contracts !== undefined) {
    await check('chain', true, () =>
      withReadOnlyLedger(config, null, async (ledger) => {
        await ledger.time()
        return `chain ${ledger.chainId} at ${rpc
          .split(',')
          .map((url) => publicUrl(url.trim()))
          .join(', ')}, the contracts are there`
      }),
    )
  }

  const bad = findings.filter((f) => !f.ok && f.needed)
  if (bad.length > 0) context.fail()
  const verdict =
    bad.length === 0 ? 'This machine can take part.' : `${bad.length} of ${findings.length} checks failed.`
  output.line(verdict)
  return { ok: bad.length === 0, dir: config.dir, checks: findings }
}
