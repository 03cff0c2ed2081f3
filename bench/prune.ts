/**
 * What pruning costs and what training gives back: a base is trained on generated requests first (every weight), so that it
 * has something to lose; then each cut of it is made by what `covey prune` runs, with the same training afterwards.
 *
 *   node bench/prune.ts [--cuts sparsity=0.5,layers=3] [--methods lora,full] [--steps 300] [--recovery 150] [--rounds 4]
 *                       [--threads 1] [--model DIR] [--test 100]
 *                       [--write NAME]   docs/results/prune/NAME.json
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { methodNamed } from '../cli/cmds/train/method.ts'
import { SHIPPED_MODEL } from '../cli/common.ts'
import { type Cut, pruneFolder } from '../node/prune/prune-folder.ts'
import { type RecoveryPlan, recover } from '../node/prune/recover.ts'
import type { TrainProgress } from '../node/train-loop.ts'
import { linearNames } from '../src/adapter/layout.ts'
import { systemClock } from '../src/base/clock.ts'
import { CoveyError } from '../src/base/errors.ts'
import { GENERATED_COMPLETION, GENERATED_PROMPT, generateRecords } from '../src/data/generate.ts'
import { toExamples } from '../src/data/template.ts'
import { tokenizeExamples } from '../src/data/tokenize.ts'
import { loadTokenizer } from '../src/data/tokenizer.ts'
import { createOnnxEngine } from '../src/engine/onnx/engine.ts'
import { loadModel } from '../src/model/folder/load.ts'
import { newModelFolder } from '../src/model/folder/new-folder.ts'
import { writeModel } from '../src/model/folder/write.ts'
import type { TokenizedExample } from '../src/types/data.ts'
import { askedFor, writeResult } from './results-file.ts'

const TRADES = ['bank', 'clinic', 'hotel']
const SIZE = { toolsPerTrade: 3, wordsPerSlot: 5 }
const MAX_TOKENS = 128

const { values: a } = parseArgs({
  options: {
    cuts: { type: 'string', default: 'sparsity=0.3,sparsity=0.5,sparsity=0.7,layers=3,layers=2' },
    steps: { type: 'string', default: '300' },
    recovery: { type: 'string', default: '150' },
    methods: { type: 'string', default: 'lora,full' },
    rounds: { type: 'string', default: '4' },
    threads: { type: 'string', default: '1' },
    model: { type: 'string', default: SHIPPED_MODEL },
    test: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    write: { type: 'string' },
  },
})
const methods = a.methods.split(',').map((name): 'lora' | 'full' => {
  if (name === 'lora' || name === 'full') return name
  throw new CoveyError('E_ARGUMENT', `--methods: expected lora, full or both, got ${JSON.stringify(name)}`)
})
const seed = Number(a.seed)
const threads = Number(a.threads)
const signal = new AbortController().signal
const engine = createOnnxEngine()
const tokenizer = await loadTokenizer(a.model)

function examples(part: 'train' | 'test', perTrade: number): readonly TokenizedExample[] {
  const records = generateRecords({ ...SIZE, trades: TRADES, perTrade, seed, part })
  const templates = { prompt: GENERATED_PROMPT, completion: GENERATED_COMPLETION, partitionBy: null }
  return tokenizeExamples(toExamples({ records, lines: [] }, templates, tokenizer).examples, tokenizer, MAX_TOKENS)
    .tokenized
}
const [train, test] = [examples('train', 800), examples('test', Number(a.test))]

function planOf(name: 'lora' | 'full', steps: number): RecoveryPlan {
  const { learningRate } = methodNamed(name)
  return {
    examples: train,
    training: {
      steps,
      batchExamples: 32,
      maxTokens: MAX_TOKENS,
      learningRate,
      warmupSteps: 10,
      schedule: 'cosine',
      weightDecay: 0,
      clipNorm: 1,
    },
    rounds: Number(a.rounds),
    method: ({ config }) =>
      name === 'full'
        ? { method: 'full' }
        : {
            method: 'lora',
            lora: { rank: 16, alpha: 32, rsLora: false, dropout: 0, targets: linearNames(config), seed },
          },
    factors: ['A', 'B'],
    threads,
    seed,
  }
}

/** `sparsity=0.5`, `layers=3` (chosen by loss). */
function cutOf(text: string): Cut {
  const [kind, value] = text.split('=')
  if (kind === 'sparsity') return { kind: 'weights', sparsity: Number(value) }
  if (kind === 'layers') return { kind: 'depth', layers: Number(value), calibration: train.slice(0, 128) }
  throw new CoveyError('E_ARGUMENT', `--cuts: expected sparsity=… or layers=…, got ${JSON.stringify(text)}`)
}

const tell =
  (what: string) =>
  (p: TrainProgress): void => {
    if (p.step % 25 === 0) process.stderr.write(`${what} step ${p.step}/${p.steps} loss ${p.loss.toFixed(3)}\n`)
  }

const folder = mkdtempSync(join(tmpdir(), 'covey-bench-prune-'))
try {
  const shipped = await loadModel(a.model)
  const { model: trained } = await recover(
    shipped,
    null,
    planOf('full', Number(a.steps)),
    engine,
    systemClock,
    signal,
    tell('base'),
  )
  const from = join(folder, 'base')
  await newModelFolder(a.model, from, (dir) => writeModel(dir, trained.config, (name) => trained.tensor(name), 'BF16'))
  const model = await loadModel(from)
  const runs = []
  for (const [i, cut] of a.cuts.split(',').entries())
    for (const method of methods) {
      const name = `${cut} ${method}`
      const result = await pruneFolder({
        model,
        from,
        out: join(folder, `${i}-${method}`),
        dtype: 'BF16',
        cut: cutOf(cut),
        recovery: planOf(method, Number(a.recovery)),
        test,
        maxTokens: MAX_TOKENS,
        threads,
        engine,
        clock: systemClock,
        signal,
        onStage: (s) => {
          if (s.stage === 'training') tell(name)(s.progress)
        },
      })
      const { pruned, recovered } = result
      process.stderr.write(`${name}: ${JSON.stringify({ pruned, recovered })}\n`)
      runs.push({ cut, method, result })
    }
  const run = {
    args: askedFor(),
    machine: `${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}`,
    model: shipped.name,
    steps: Number(a.steps),
    recovery: Number(a.recovery),
    rounds: Number(a.rounds),
    examples: train.length,
    tested: test.length,
    runs,
  }
  console.log(JSON.stringify(run))
  writeResult('prune', a.write, run)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
