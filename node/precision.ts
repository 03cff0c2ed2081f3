/**
 * Which precision trains faster on this machine. Processors differ by more than any rule about their names would tell, so
 * a small model takes a few steps in each, once, and the answer is kept.
 */
import { readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { createLayout, initialAdapter, linearNames } from '../src/adapter/layout.ts'
import { utf8 } from '../src/base/bytes.ts'
import { CoveyError } from '../src/base/errors.ts'
import { writeFileAtomic } from '../src/base/files.ts'
import { PRECISIONS, type PrecisionChoice } from '../src/engine/settings.ts'
import { createRandomModel } from '../src/model/random.ts'
import type { PackedBatch } from '../src/types/data.ts'
import type { Precision, TrainingEngine } from '../src/types/engine.ts'
import type { BaseModel, ModelConfig } from '../src/types/model.ts'
import { optimizerOf } from './workbench.ts'

/** Steps that count; one before them warms up. */
const STEPS = 3
/** 8 bits must be worth their rounding. */
const WORTH = 1.15
/** The two losses of one step differ by rounding only: more means that 8-bit products go wrong on this processor. */
const MAX_LOSS_ERROR = 0.02

/** Wide enough that the products decide, small enough for a second a step on a slow machine. */
const CONFIG: ModelConfig = {
  architecture: 'LlamaForCausalLM',
  vocabSize: 4096,
  hiddenSize: 512,
  layers: 2,
  heads: 8,
  kvHeads: 4,
  headDim: 64,
  ffnSize: 1408,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 128,
  tiedEmbeddings: true,
  bosId: null,
  eosIds: [0],
  padId: null,
}
const ROWS = 2
const LENGTH = 128

export interface PrecisionMeasurement {
  readonly precision: Precision
  /** median of a step, milliseconds */
  readonly ms: number
  /** of the first step, nats */
  readonly loss: number
}

export interface MachinePrecision {
  readonly chosen: Precision
  readonly measured: readonly PrecisionMeasurement[]
}

export interface PrecisionBench extends MachinePrecision {
  /** what the steps were on, for people */
  readonly shape: string
  /** tokens of one step */
  readonly tokens: number
}

/**
 * Takes a few steps in each precision, in turn.
 * @param model a small one with random weights unless given
 * @throws CoveyError E_ENGINE
 */
export async function measurePrecisions(
  engine: TrainingEngine,
  threads: number,
  model: BaseModel = createRandomModel(CONFIG, 1),
): Promise<PrecisionBench> {
  const { config } = model
  const layout = createLayout(config, {
    rank: 8,
    alpha: 16,
    rsLora: false,
    dropout: 0,
    targets: linearNames(config),
    seed: 1,
  })
  const start = initialAdapter(layout).values
  const open = (precision: Precision) =>
    engine.openTrainer({
      model,
      trainable: { kind: 'lora', layout, factors: ['A', 'B'] },
      optimizer: optimizerOf({ weightDecay: 0, clipNorm: 0 }),
      threads,
      seed: 1,
      precision,
    })
  const trainers = await Promise.all(PRECISIONS.map(open))
  const batch = workBatch(config.vocabSize, ROWS, LENGTH)
  const times = PRECISIONS.map((): number[] => [])
  const losses: number[] = []
  try {
    for (const trainer of trainers) {
      trainer.setParameters(start)
      losses.push((await trainer.step([batch], 0)).loss)
    }
    for (let i = 0; i < STEPS; i++)
      for (const [p, trainer] of trainers.entries()) {
        const began = performance.now()
        await trainer.step([batch], 1e-3)
        times[p]?.push(performance.now() - began)
      }
  } finally {
    for (const trainer of trainers) await trainer.close()
  }
  const measured = PRECISIONS.map((precision, p) => ({
    precision,
    ms: median(times[p] as number[]),
    loss: losses[p] as number,
  }))
  const shape = `${model.name} (${config.layers} layers of ${config.hiddenSize}, vocabulary ${config.vocabSize})`
  return { chosen: choose(measured), measured, shape, tokens: ROWS * LENGTH }
}

/** The fastest whose loss is float32's, up to rounding; float32 when nothing is clearly faster. */
export function choose(measured: readonly PrecisionMeasurement[]): Precision {
  const exact = measured.find((m) => m.precision === 'fp32')
  if (exact === undefined) throw new CoveyError('E_INTERNAL', 'float32 was not measured')
  const worthy = measured.filter(
    (m) => m.ms * WORTH <= exact.ms && Math.abs(m.loss - exact.loss) <= MAX_LOSS_ERROR * exact.loss,
  )
  return worthy.toSorted((a, b) => a.ms - b.ms)[0]?.precision ?? 'fp32'
}

const precisionSchema = z.enum(PRECISIONS)
const storedSchema = z.object({
  machine: z.string(),
  chosen: precisionSchema,
  measured: z.array(z.object({ precision: precisionSchema, ms: z.number(), loss: z.number() })),
})

/**
 * What was measured on this machine before, or now for the first time; kept in `folder`. A folder that cannot be written
 * costs the measurement again the next time, nothing else.
 * @throws CoveyError E_ENGINE
 */
export async function machinePrecision(
  engine: TrainingEngine,
  threads: number,
  folder: string,
): Promise<MachinePrecision> {
  const path = fileOf(folder, threads)
  const text = await readFile(path, 'utf8').catch(() => '')
  const stored = storedSchema.safeParse(parseJson(text))
  if (stored.success && stored.data.machine === machineOf(engine)) return stored.data
  const { chosen, measured } = await measurePrecisions(engine, threads)
  await keepPrecision(engine, threads, folder, { chosen, measured })
  return { chosen, measured }
}

/** For `machinePrecision`, from now on. @returns false when the folder cannot be written */
export async function keepPrecision(
  engine: TrainingEngine,
  threads: number,
  folder: string,
  made: MachinePrecision,
): Promise<boolean> {
  const json = `${JSON.stringify({ machine: machineOf(engine), ...made }, null, 2)}\n`
  return writeFileAtomic(fileOf(folder, threads), [utf8.encode(json)]).then(
    () => true,
    () => false,
  )
}

const fileOf = (folder: string, threads: number): string => join(folder, `precision-${threads}.json`)

const machineOf = (engine: TrainingEngine): string =>
  `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, ${engine.name}`

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** A batch of rows that are one example each, every place labelled, ids from the whole vocabulary: work, not text. */
export function workBatch(vocabSize: number, rows: number, length: number): PackedBatch {
  const n = rows * length
  const range = (value: (i: number) => number): Int32Array => Int32Array.from({ length: n }, (_, i) => value(i))
  return {
    rows,
    length,
    ids: range((i) => (i * 7919) % vocabSize),
    labels: range((i) => ((i + 1) * 7919) % vocabSize),
    positions: range((i) => i % length),
    segments: range((i) => 1 + Math.floor(i / length)),
    examples: rows,
    labelCount: n,
  }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number

/** For an engine's settings: the machine's choice, kept in `folder`. */
export function precisionChoice(folder: string): PrecisionChoice {
  return async (engine, threads) => (await machinePrecision(engine, threads, folder)).chosen
}
