import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { formatEther, formatUnits } from 'ethers'
import { ensureTask, type TaskPlan } from '../../../coordinator/create-task.ts'
import { readTaskFile } from '../../../coordinator/task-file.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { writeFileAtomic } from '../../../src/base/files.ts'
import { specDigest } from '../../../src/wire/spec.ts'
import { percentOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf, duration, openModel } from '../../common.ts'
import { withLedger } from '../../ledger.ts'
import type { Output } from '../../output.ts'
import { guideTask } from './guide.ts'
import type { taskCreateOptions } from './options.ts'
import { askOnTerminal } from './terminal.ts'

export const taskCreateHandler: Handler<typeof taskCreateOptions> = async (options, _args, context) => {
  const { passwordFile, taskFile, guide, dryRun, ...flags } = options
  const { output, signal } = context
  if (taskFile === null)
    throw new CoveyError('E_CONFIG', 'which task? Give its file with --task-file; --guide asks for what is in it')
  const config = configOf(flags, context)
  if (guide) {
    const file = resolve(taskFile)
    if (existsSync(file))
      throw new CoveyError('E_CONFIG', `${file} exists: leave --guide out to use it, or name another --task-file`)
    const { model } = await openModel(config, signal)
    const written = await guideTask(model, askOnTerminal(signal))
    await writeFileAtomic(file, [utf8.encode(`${JSON.stringify(written, null, 2)}\n`)])
    output.note(`written to ${file}`)
  }
  const plan = await readTaskFile(taskFile)
  const { pool, rounds } = plan.terms
  const digest = specDigest(plan.spec)
  showTerms(plan, output)
  return withLedger(config, passwordFile, context, async (ledger, store, desk) => {
    const result = { creator: ledger.account, specDigest: digest, baseDigest: plan.spec.model.digest, pool, rounds }
    if (dryRun) {
      const { wallet, gas } = await ledger.accountView(ledger.account)
      output.line(`wallet  ${output.amount(wallet)}, and ${formatEther(gas)} of the chain's coin for gas`)
      if (wallet < pool) {
        output.line(`missing ${output.amount(pool - wallet)} for the pool`)
        context.fail()
        return { ...result, dryRun: true, wallet, gas, missing: pool - wallet, fee: null, task: null }
      }
      const charge = await desk.price(() => ensureTask(ledger, store, plan))
      if (charge === null) output.line('fee     none: this task is on chain already')
      else
        output.line(
          `fee     at most ${formatEther(charge.gasLimit * charge.maxFeePerGas)} of the chain's coin: ${charge.gasLimit} gas at up to ${formatUnits(charge.maxFeePerGas, 'gwei')} gwei`,
        )
      output.line('Nothing was sent: leave --dry-run out to create it.')
      const fee =
        charge === null
          ? null
          : { gas: charge.gasLimit, maxFeePerGas: charge.maxFeePerGas, most: charge.gasLimit * charge.maxFeePerGas }
      return { ...result, dryRun: true, wallet, gas, missing: 0n, fee, task: null }
    }
    const task = await desk.once(
      {
        command: `task create ${digest}/${plan.probe?.root ?? 'none'}`,
        does: [
          `put this task on chain and ${output.amount(pool)} of ${ledger.account} into escrow for ${rounds} rounds`,
        ],
      },
      () => ensureTask(ledger, store, plan),
    )
    output.line(`task ${task}: ${output.amount(pool)} for ${rounds} rounds`)
    output.line('Next: `covey coordinator start` with the same --task-file.')
    return { task, ...result }
  })
}

function showTerms({ spec, terms, probe }: TaskPlan, output: Output): void {
  const { pool, rounds, proposers, voters, minStake, seconds, rules } = terms
  const longest = Object.values(seconds).reduce((sum, s) => sum + s, 0)
  output.line(`task    ${spec.name} on ${spec.model.name}, spec ${specDigest(spec)}`)
  output.line(`pool    ${output.amount(pool)}, ${output.amount(pool / BigInt(rounds))} a round for ${rounds} rounds`)
  output.line(
    `        of a round ${percentOf(rules.voterBps)} for voters, the rest for proposers, ${percentOf(rules.equalBps)} of it in equal shares`,
  )
  output.line(
    `seats   ${proposers} proposers and ${voters} voters a round, with at least ${output.amount(minStake)} at stake`,
  )
  output.line(`faults  cost up to ${percentOf(rules.slashBps)} of what stands behind the seat`)
  output.line(`time    at most ${duration(longest)} a round, less when all have acted`)
  output.line(
    `probe   ${probe === null ? 'none: only gross harm can be told' : `${rounds} slices, root ${probe.root}`}`,
  )
}
