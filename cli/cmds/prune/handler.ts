import { resolve } from 'node:path'
import type { ModelReport } from '../../../node/prune/measure.ts'
import { type Cut, type PruneStage, pruneFolder } from '../../../node/prune/prune-folder.ts'
import type { RecoveryPlan } from '../../../node/prune/recover.ts'
import { linearNames } from '../../../src/adapter/layout.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { exampleKey, holdOut } from '../../../src/data/split.ts'
import { tokenizeExamples } from '../../../src/data/tokenize.ts'
import type { Example, TokenizedExample, Tokenizer } from '../../../src/types/data.ts'
import type { CommandContext, Handler, OptionValues } from '../../command.ts'
import { byteSize, configOf, duration, engineOf, loadExamples, openModel } from '../../common.ts'
import { methodNamed } from '../train/method.ts'
import type { pruneOptions } from './options.ts'

type Options = OptionValues<typeof pruneOptions>

/** Part of --data that is measured on where there is no --test. */
const HELD_OUT = 0.1
const WARMUP_STEPS = 10
/** Between two updates of the line that changes, ms. */
const PROGRESS_MS = 100

export const pruneHandler: Handler<typeof pruneOptions> = async (options, [given = ''], context) => {
  const { output, signal } = context
  if (options.out === null) throw new CoveyError('E_ARGUMENT', 'where to? Give a folder that does not exist with --out')
  checkCut(options)
  const { dir, engine: engineName, device, precision, threads: cores, nice } = options
  const config = configOf({ dir, model: given, engine: engineName, device, precision, threads: cores, nice }, context)
  const threads = config.settings.threads ?? 0
  const { model, tokenizer, dir: from } = await openModel(config, signal)
  const maxTokens = Math.min(options.maxTokens, model.config.maxPositions)
  const { train, test, leftOut } = await examplesOf(options, tokenizer, maxTokens, context)
  const engine = await engineOf(config)

  const result = await pruneFolder({
    model,
    from,
    out: options.out,
    dtype: options.dtype,
    cut: cutOf(options, train),
    recovery: options.data === null || options.steps === 0 ? null : recoveryOf(options, train, maxTokens, threads),
    test: test.slice(0, options.limit),
    maxTokens,
    threads,
    engine,
    clock: systemClock,
    signal,
    onStage: stageTeller(context),
  })

  const out = resolve(options.out)
  if (result.dropped.length > 0) {
    const gone = result.dropped.map(({ layer, loss }) =>
      loss === undefined ? `${layer}` : `${layer} (loss ${loss.toFixed(3)})`,
    )
    output.line(`layers ${result.layersBefore} -> ${result.layersAfter}; gone: ${gone.join(', ')}`)
  }
  show('before', result.before)
  show('pruned', result.pruned)
  if (result.recovered !== null) {
    show('recovered', result.recovered)
    output.line(`trained ${result.trainingSteps} steps in ${duration(result.trainingSeconds)}`)
    const after = result.recovered.quality?.loss
    if (result.unmaskedLoss !== null && after !== undefined)
      output.line(`putting zeros back: loss ${result.unmaskedLoss.toFixed(4)} -> ${after.toFixed(4)}`)
  }
  output.line(`weights ${byteSize(result.bytesBefore)} -> ${byteSize(result.bytesAfter)}`)
  output.line(`${out}: digest ${result.digest.slice(0, 16)}; use it with --model ${options.out}`)
  return { out, model: model.name, baseDigest: model.digest, engine: engine.name, leftOut, ...result }

  function show(name: string, { parameters, nonZero, quality }: ModelReport): void {
    const size = `${(parameters / 1e6).toFixed(2)} M weights, ${percent(nonZero / parameters)} of them not 0`
    if (quality === null) {
      output.line(`${name}: ${size}`)
      return
    }
    const { loss, exactMatch, examples, readTokensPerSecond: read, writeTokensPerSecond: write } = quality
    const speed = `reads ${Math.round(read)} tokens/s${write === null ? '' : `, writes ${Math.round(write)}`}`
    output.line(
      `${name}: ${size}; loss ${loss.toFixed(4)}, exact match ${percent(exactMatch)} of ${examples}; ${speed}`,
    )
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** @throws CoveyError E_ARGUMENT unless just one of the three is said, with what it needs */
function checkCut({ sparsity, dropLayers, layers, data }: Options): void {
  const said = [sparsity, dropLayers, layers].filter((x) => x !== null).length
  if (said !== 1)
    throw new CoveyError('E_ARGUMENT', `expected one of --sparsity, --drop-layers and --layers, got ${said} of them`)
  if (layers !== null && data === null)
    throw new CoveyError(
      'E_ARGUMENT',
      '--layers measures which layers matter: expected --data, or name them with --drop-layers',
    )
}

function cutOf(options: Options, train: readonly TokenizedExample[]): Cut {
  const { sparsity, dropLayers, layers } = options
  if (sparsity !== null) return { kind: 'weights', sparsity }
  if (layers !== null) return { kind: 'depth', layers, calibration: train.slice(0, options.calibration) }
  const words = (dropLayers ?? '').split(',').map((w) => w.trim())
  const wrong = words.find((w) => !/^\d{1,4}$/.test(w))
  if (wrong !== undefined)
    throw new CoveyError('E_ARGUMENT', `--drop-layers: expected numbers as in 4,7, got ${JSON.stringify(wrong)}`)
  return { kind: 'layers', dropped: words.map(Number) }
}

function recoveryOf(
  options: Options,
  examples: readonly TokenizedExample[],
  maxTokens: number,
  threads: number,
): RecoveryPlan {
  const { method: name, steps, batch, rank, alpha, seed, rounds } = options
  return {
    examples,
    training: {
      steps,
      batchExamples: batch,
      maxTokens,
      learningRate: options.learningRate ?? methodNamed(name).learningRate,
      warmupSteps: WARMUP_STEPS,
      schedule: 'cosine',
      weightDecay: 0,
      clipNorm: 1,
    },
    rounds,
    method: ({ config }) =>
      name === 'full'
        ? { method: 'full' }
        : { method: 'lora', lora: { rank, alpha, rsLora: false, dropout: 0, targets: linearNames(config), seed } },
    factors: ['A', 'B'],
    threads,
    seed,
  }
}

/** What is trained on and what is measured on, as tokens; a question of the test set is never trained on. */
async function examplesOf(
  options: Options,
  tokenizer: Tokenizer,
  maxTokens: number,
  { signal }: CommandContext,
): Promise<{
  readonly train: readonly TokenizedExample[]
  readonly test: readonly TokenizedExample[]
  readonly leftOut: { readonly badLines: number; readonly tooLong: number; readonly empty: number }
}> {
  const read = async (file: string | null) =>
    file === null ? { examples: [], badLines: 0 } : loadExamples(file, options, tokenizer, signal)
  const data = await read(options.data)
  const given = options.test === null ? null : await read(options.test)
  const { train, heldOut } =
    given === null
      ? holdOut(data.examples, HELD_OUT, options.seed)
      : { train: without(data.examples, given.examples), heldOut: given.examples }
  const [a, b] = [tokenizeExamples(train, tokenizer, maxTokens), tokenizeExamples(heldOut, tokenizer, maxTokens)]
  return {
    train: a.tokenized,
    test: b.tokenized,
    leftOut: {
      badLines: data.badLines + (given?.badLines ?? 0),
      tooLong: a.tooLong + b.tooLong,
      empty: a.empty + b.empty,
    },
  }
}

function without(examples: readonly Example[], held: readonly Example[]): readonly Example[] {
  const keys = new Set(held.map(exampleKey))
  return examples.filter((e) => !keys.has(exampleKey(e)))
}

function stageTeller({ output }: CommandContext): (stage: PruneStage) => void {
  let shown = Number.NEGATIVE_INFINITY
  return (stage) => {
    const now = performance.now()
    if (stage.stage === 'training' && now - shown < PROGRESS_MS) return
    shown = now
    output.progress(lineOf(stage))
  }
}

function lineOf(stage: PruneStage): string {
  switch (stage.stage) {
    case 'measuring':
      return `measuring: ${stage.what}`
    case 'choosing':
      return `choosing layers: ${stage.done}/${stage.total} tried`
    case 'training': {
      const { step, steps, loss, secondsLeft } = stage.progress
      return `step ${step}/${steps}  loss ${loss.toFixed(4)}  ${duration(secondsLeft)} left`
    }
    case 'writing':
      return 'writing'
  }
}
