/** What a command that trains begins with: a model, a method, and values to start from. */
import { virtualTokens } from '../../../src/adapter/method.ts'
import { methodLayout, untrainedAdapter } from '../../../src/adapter/methods.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import type { Engine } from '../../../src/engine/open-engine.ts'
import type { Adapter } from '../../../src/types/adapter.ts'
import type { TrainingSpec } from '../../../src/types/spec.ts'
import type { CommandContext, OptionValues } from '../../command.ts'
import { configOf, engineOf, type OpenedModel, openAdapter, openModel } from '../../common.ts'
import type { Config } from '../../config.ts'
import { type ChosenMethod, METHOD_OPTIONS, METHODS, methodNamed } from './method.ts'
import type { trainOptions } from './options.ts'

export type StudentOptions = OptionValues<typeof trainOptions>

export interface Student extends OpenedModel {
  readonly config: Config
  readonly engine: Engine
  readonly threads: number
  readonly chosen: ChosenMethod
  readonly start: Adapter
  /** --adapter, or null: the base alone is what it was before */
  readonly given: Adapter | null
  readonly training: TrainingSpec
}

/** @throws CoveyError E_CONFIG | E_ADAPTER | E_MODEL_FILE | E_MODEL_SHAPE | E_MODEL_ARCHITECTURE | E_TOKENIZER */
export async function openStudent(options: StudentOptions, command: CommandContext): Promise<Student> {
  const { dir, model: folder, engine: name, device, precision, threads: cores, nice } = options
  const config = configOf({ dir, model: folder, engine: name, device, precision, threads: cores, nice }, command)
  const opened = await openModel(config, command.signal)
  const { model } = opened
  const method = methodNamed(options.method)
  const chosen = method.choose(options, model.config)
  const given = await openAdapter(options.adapter, model)
  const start = given?.adapter ?? untrainedAdapter(model, methodLayout(model, chosen.settings))
  const { layout } = start
  if (layout.method !== chosen.settings.method) {
    const same = METHOD_OPTIONS.filter(
      (name) => METHODS[name].choose(options, model.config).settings.method === layout.method,
    )
    const message = `--adapter ${options.adapter}: expected --method ${same.join(' or ')}, as it was trained, got ${options.method}`
    throw new CoveyError('E_CONFIG', message)
  }
  const context = model.config.maxPositions - virtualTokens(layout)
  if (options.maxTokens > context) {
    const message = `--max-tokens: expected at most ${context} (the model's context without virtual tokens), got ${options.maxTokens}`
    throw new CoveyError('E_CONFIG', message)
  }
  const training = {
    steps: options.steps,
    batchExamples: options.batch,
    maxTokens: options.maxTokens,
    learningRate: options.learningRate ?? method.learningRate,
    warmupSteps: Math.min(options.warmup, options.steps),
    schedule: options.schedule,
    weightDecay: options.weightDecay,
    clipNorm: options.clipNorm,
  }
  const engine = await engineOf(config)
  return {
    ...opened,
    config,
    engine,
    threads: config.settings.threads ?? 0,
    chosen,
    start,
    given: given?.adapter ?? null,
    training,
  }
}
