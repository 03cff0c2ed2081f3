/**
 * What a teacher is worth where labels are few. A teacher is made first: the base, trained on all examples and merged. Then the
 * base learns a few of them, in the same steps, batches and rate: from the labels alone, with the teacher's probabilities
 * beside them, and together with prompts without labels that the teacher has answered (what `covey distill --teacher-url
 * --keep-labels` does). Exact match and loss on held-out examples, for several draws of the few.
 *
 *   node bench/distill.ts [--teacher-steps 300] [--steps 100] [--few 128] [--seeds 1,2,3] [--mix 0.5,0.9] [--unlabelled 2000]
 *                         [--temperature 2]
 *                         [--top-tokens 64] [--student-rate 5e-3] [--model DIR]
 *                         [--data FILE --test FILE --prompt … --completion …] [--json] [--write NAME]
 *                         --write: docs/results/distill/NAME.json
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { distillOptions } from '../cli/cmds/distill/options.ts'
import { makeShards } from '../cli/cmds/quickstart/shards.ts'
import { quickstartSpec } from '../cli/cmds/quickstart/spec.ts'
import { methodNamed } from '../cli/cmds/train/method.ts'
import { createTeaching } from '../node/distill/teachers.ts'
import { type Teaching, trainAlone } from '../node/train-alone.ts'
import { mergeAdapter } from '../src/adapter/merge.ts'
import { methodLayout, untrainedAdapter } from '../src/adapter/methods.ts'
import { systemClock } from '../src/base/clock.ts'
import { seededRandom, shuffle } from '../src/base/random.ts'
import { packForEvaluation } from '../src/data/batches.ts'
import { tokenizeExamples } from '../src/data/tokenize.ts'
import { loadTokenizer } from '../src/data/tokenizer.ts'
import { createOnnxEngine } from '../src/engine/onnx/engine.ts'
import { loadModel } from '../src/model/folder/load.ts'
import type { TokenizedExample } from '../src/types/data.ts'
import type { Inference } from '../src/types/engine.ts'
import { benchOptions, quickstartOptionsFrom } from './quickstart-options.ts'
import { askedFor, writeResult } from './results-file.ts'

const { values: a } = parseArgs({
  options: {
    ...benchOptions,
    steps: { type: 'string', default: '100' },
    'teacher-steps': { type: 'string', default: '300' },
    few: { type: 'string', default: '128' },
    seeds: { type: 'string', default: '1,2,3' },
    mix: { type: 'string', default: '0.5,0.9' },
    temperature: { type: 'string', default: String(distillOptions.temperature.fallback) },
    'top-tokens': { type: 'string', default: String(distillOptions.topTokens.fallback) },
    'student-rate': { type: 'string', default: String(methodNamed('lora').learningRate) },
    /** prompts that the teacher answers */
    unlabelled: { type: 'string', default: '0' },
    write: { type: 'string' },
  },
})
const options = quickstartOptionsFrom(a)
const [steps, teacherSteps, few, unlabelled, threads] = [
  a.steps,
  a['teacher-steps'],
  a.few,
  a.unlabelled,
  a.threads,
].map(Number) as [number, number, number, number, number]
const [temperature, tokens, studentRate] = [a.temperature, a['top-tokens'], a['student-rate']].map(Number) as [
  number,
  number,
  number,
]
const mixes = a.mix.split(',').filter(Boolean).map(Number)
/** tokens of a teacher's answer: more than any label has */
const LONGEST_ANSWER = 64
/** prompts answered at once */
const ANSWERED_AT_ONCE = 16
const seeds = a.seeds.split(',').map(Number)

const [model, tokenizer] = await Promise.all([loadModel(options.model), loadTokenizer(options.model)])
const shards = await makeShards(options, tokenizer)
const { training } = quickstartSpec(options, model, shards.templates)
const tokenized = (examples: (typeof shards)['test']) =>
  tokenizeExamples(examples, tokenizer, training.maxTokens).tokenized
const data = tokenized(shards.nodes.flatMap((s) => s.examples))
const test = tokenized(shards.test).slice(0, options.evalExamples)
const engine = createOnnxEngine()
const start = untrainedAdapter(
  model,
  methodLayout(model, {
    method: 'lora',
    lora: { ...quickstartSpec(options, model, shards.templates).adapter, seed: options.seed },
  }),
)

async function score(inference: Inference) {
  const { loss, exactMatch } = await inference.evaluate(packForEvaluation(test, training.maxTokens))
  return { loss, exactMatch }
}

interface Run {
  readonly what: string
  readonly examples: readonly TokenizedExample[]
  readonly steps: number
  readonly seed: number
  readonly teacher?: Teaching
}

async function train({
  what,
  examples,
  steps,
  seed,
  teacher,
}: Run): Promise<{ values: Float32Array; seconds: number }> {
  const run = trainAlone({
    engine,
    model,
    layout: start.layout,
    factors: ['A', 'B'],
    precision: 'fp32',
    start: start.values,
    training: { ...training, steps, learningRate: studentRate, warmupSteps: 10, schedule: 'cosine' },
    examples,
    steps,
    threads,
    seed,
    clock: systemClock,
    ...(teacher && { teacher }),
  })
  let next = await run.next()
  for (; !next.done; next = await run.next())
    if (next.value.step % 25 === 0)
      process.stderr.write(`${what} step ${next.value.step}/${steps} loss ${next.value.loss.toFixed(3)}\n`)
  return next.value
}

/** The prompts with what `inference` answers greedily; those whose answer does not end are left out. */
async function answered(
  inference: Inference,
  examples: readonly TokenizedExample[],
): Promise<readonly TokenizedExample[]> {
  const made: TokenizedExample[] = []
  for (let at = 0; at < examples.length; at += ANSWERED_AT_ONCE) {
    const prompts = examples.slice(at, at + ANSWERED_AT_ONCE).map((e) => [...e.ids.slice(0, e.promptLength)])
    const answers = prompts.map((): number[] => [])
    const how = { maxTokens: LONGEST_ANSWER, temperature: 0, topP: 1, seed: 1, stopIds: [tokenizer.eosId] }
    for await (const { row, id, done } of inference.generate(prompts, how)) {
      if (done !== 'stop') answers[row]?.push(id)
      else {
        const prompt = prompts[row] as number[]
        const ids = Int32Array.from([...prompt, ...(answers[row] as number[]), tokenizer.eosId])
        made.push({ ids, promptLength: prompt.length })
      }
    }
    if ((at / ANSWERED_AT_ONCE) % 25 === 0) process.stderr.write(`teacher answered ${made.length}/${examples.length}\n`)
  }
  return made
}

const student = await engine.openInference({ model, layout: start.layout, threads })
const base = await score(student)
const made = await train({ what: 'teacher', examples: data, steps: teacherSteps, seed: options.seed })
const teacherModel = mergeAdapter(model, { layout: start.layout, values: made.values })
const inference = await engine.openInference({ model: teacherModel, layout: null, threads })
const teacher = { ...(await score(inference)), seconds: made.seconds }

interface Learned {
  readonly mix: number
  /** prompts that the teacher answered, learnt beside the labels */
  readonly texts: number
  readonly seed: number
  readonly loss: number
  readonly exactMatch: number
  readonly seconds: number
}
const runs: Learned[] = []
for (const seed of seeds) {
  const order = shuffle(
    data.map((_, i) => i),
    seededRandom(`few ${seed}`),
  )
  const examples = order.slice(0, few).map((i) => data[i] as TokenizedExample)
  for (const mix of [0, ...mixes]) {
    const teachers = [{ name: 'teacher', config: teacherModel.config, inference, weight: 1 }]
    const teaching = createTeaching({ teachers, student: model.config, distillation: { temperature, mix }, tokens })
    const what = mix === 0 ? `labels, seed ${seed}` : `mix ${mix}, seed ${seed}`
    const { values, seconds } = await train({ what, examples, steps, seed, ...(mix > 0 && { teacher: teaching }) })
    student.setAdapter(values)
    runs.push({ mix, texts: 0, seed, ...(await score(student)), seconds })
  }
  if (unlabelled > 0) {
    const prompts = order.slice(few, few + unlabelled).map((i) => data[i] as TokenizedExample)
    const texts = await answered(inference, prompts)
    const { values, seconds } = await train({
      what: `texts, seed ${seed}`,
      examples: [...examples, ...texts],
      steps,
      seed,
    })
    student.setAdapter(values)
    runs.push({ mix: 0, texts: texts.length, seed, ...(await score(student)), seconds })
  }
}
await inference.close()
await student.close()

const result = {
  args: askedFor(),
  machine: `${threads} of ${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}`,
  model: model.name,
  all: data.length,
  few,
  steps,
  teacherSteps,
  batch: training.batchExamples,
  temperature,
  tokens,
  examples: test.length,
  base,
  teacher,
  runs,
}
writeResult('distill', a.write, result)
if (a.json) console.log(JSON.stringify(result))
else {
  const line = (name: string, r: { loss: number; exactMatch: number }): void =>
    console.log(name.padEnd(22), `${(100 * r.exactMatch).toFixed(1)} %`.padStart(8), r.loss.toFixed(3).padStart(8))
  line('base', base)
  line('teacher', teacher)
  for (const r of runs)
    line(`${r.texts > 0 ? `${r.texts} texts` : r.mix === 0 ? 'labels' : `mix ${r.mix}`}, seed ${r.seed}`, r)
}
