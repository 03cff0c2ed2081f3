import { resolve } from 'node:path'
import { CoveyError } from '../../../src/base/errors.ts'
import { tokenizeExamples } from '../../../src/data/tokenize.ts'
import { quantizeModel } from '../../../src/model/derive/quantize.ts'
import type { CommandContext, Handler, OptionValues } from '../../command.ts'
import { byteSize, configOf, duration, engineOf, loadExamples, openModel } from '../../common.ts'
import type { Config } from '../../config.ts'
import { type Measured, measure } from '../../measure.ts'
import type { modelQuantizeOptions } from './options.ts'

type Options = OptionValues<typeof modelQuantizeOptions>
type Measure = (config: Config) => Promise<Measured>

/** Between two updates of the line that changes, ms. */
const PROGRESS_MS = 100

export const modelQuantizeHandler: Handler<typeof modelQuantizeOptions> = async (options, [given = ''], context) => {
  const { output, signal } = context
  const { dir, engine, device, threads } = options
  if (options.out === null) throw new CoveyError('E_ARGUMENT', 'where to? Give a folder that does not exist with --out')
  const out = resolve(options.out)
  const bits = options.bits === '4' ? 4 : 8
  const configFor = (model: string): Config => configOf({ dir, model, engine, device, threads }, context)
  const config = configFor(given)
  const from = config.settings.model ?? given

  // before anything is written: a file that cannot be measured on is told of at once
  const measureOn = options.data === null ? null : await measurer(options.data, config, options, context)
  const before = (await measureOn?.(config)) ?? null

  const start = performance.now()
  let shown = Number.NEGATIVE_INFINITY
  const made = await quantizeModel(from, out, {
    bits,
    signal,
    onProgress(done, total) {
      const now = performance.now()
      if (now - shown < PROGRESS_MS) return
      shown = now
      output.progress(`${Math.floor((100 * done) / total)} % of ${byteSize(total)} written`)
    },
  })
  const seconds = (performance.now() - start) / 1000
  const { digest, layers, kept, bytesBefore, bytesAfter, worst, meanError } = made

  output.line(`${out}: ${bits} bits in ${layers} linear layers, ${duration(seconds)}, digest ${digest.slice(0, 16)}`)
  if (kept.length > 0) output.line(`as they were: ${kept.join(', ')}`)
  output.line(`weights ${byteSize(bytesBefore)} -> ${byteSize(bytesAfter)}`)
  output.line(`layers moved by ${percent(meanError)} on average, ${worst.name} by ${percent(worst.error)}`)
  const after = (await measureOn?.(configFor(out))) ?? null
  if (before !== null && after !== null) {
    show('before', before)
    show('after', after)
  }
  output.line(`use it with --model ${options.out}`)
  return { out, bits, digest, layers, kept, bytesBefore, bytesAfter, seconds, meanError, worst, before, after }

  function show(name: string, { loss, exactMatch, examples }: Measured): void {
    output.line(`${name}: loss ${loss.toFixed(4)}, exact match ${percent(exactMatch)} of ${examples} examples`)
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** Loss and exact match as `covey eval` gives them, of one model after the other on the same tokens. */
async function measurer(file: string, source: Config, options: Options, context: CommandContext): Promise<Measure> {
  const { signal } = context
  const { model, tokenizer } = await openModel(source, signal)
  const maxTokens = Math.min(options.maxTokens, model.config.maxPositions)
  const { examples } = await loadExamples(file, options, tokenizer, signal)
  const { tokenized } = tokenizeExamples(examples.slice(0, options.limit ?? undefined), tokenizer, maxTokens)
  return async (config) => {
    const opened = await openModel(config, signal)
    const engine = await engineOf(config)
    return measure(engine, opened.model, null, tokenized, maxTokens, config.settings.threads ?? 0, signal)
  }
}
