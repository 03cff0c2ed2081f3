import { join } from 'node:path'
import type { Handler } from '../../command.ts'
import { configOf, SHIPPED_MODEL } from '../../common.ts'
import type { quickstartOptions } from './options.ts'
import { renderResult } from './result.ts'
import { runQuickstart } from './run.ts'

export const quickstartHandler: Handler<typeof quickstartOptions> = async (options, _args, context) => {
  const { output, signal } = context
  const { aggregate, encode, slice, partitionBy, dir, model, ...rest } = options
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[:T]/g, '-')
  const { result, stop } = await runQuickstart(
    {
      ...rest,
      rule: aggregate,
      encoding: encode,
      sliceExamples: slice,
      partitionBy,
      // not from covey.json: what this shows must not depend on what somebody set up before
      model: model === null ? SHIPPED_MODEL : (configOf({ model }, context).settings.model ?? model),
      dir: dir ?? join('.covey', `quickstart-${stamp}`),
      json: output.json,
    },
    output.json ? process.stderr : process.stdout,
    signal,
  )
  output.line(renderResult(result))
  if (options.keep && !signal.aborted) {
    output.line(`Still up: ${result.served?.url ?? ''} (Ctrl-C stops it)`)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  }
  await stop()
  return result
}
