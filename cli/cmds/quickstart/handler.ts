import { join } from 'node:path'
import type { Handler, OptionValues } from '../../command.ts'
import { configOf, SHIPPED_MODEL } from '../../common.ts'
import type { quickstartOptions } from './options.ts'
import type { QuickstartOptions } from './plan.ts'
import { renderResult } from './result.ts'
import { runQuickstart } from './run.ts'

/** What the command line says, by the names that the run knows it by. */
export function planOf(
  { aggregate, encode, slice, ...rest }: OptionValues<typeof quickstartOptions>,
  place: Pick<QuickstartOptions, 'model' | 'dir' | 'json'>,
): QuickstartOptions {
  return { ...rest, rule: aggregate, encoding: encode, sliceExamples: slice, ...place }
}

export const quickstartHandler: Handler<typeof quickstartOptions> = async (options, _args, context) => {
  const { output, signal } = context
  const { dir, model } = options
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[:T]/g, '-')
  const { result, stop } = await runQuickstart(
    planOf(options, {
      // not from covey.json: what this shows must not depend on what somebody set up before
      model: model === null ? SHIPPED_MODEL : (configOf({ model }, context).settings.model ?? model),
      dir: dir ?? join('.covey', `quickstart-${stamp}`),
      json: output.json,
    }),
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
