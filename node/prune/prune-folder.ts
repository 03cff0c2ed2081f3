/** `covey prune`: a model folder with fewer weights or fewer layers, trained again, measured at every stage. */
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { throwIfAborted } from '../../src/base/abort.ts'
import { withDisk } from '../../src/base/disk.ts'
import { dropLayers } from '../../src/model/derive/prune-layers.ts'
import { pruneWeights } from '../../src/model/derive/prune-weights.ts'
import type { WeightDtype } from '../../src/model/families/architecture.ts'
import { weightFileNames } from '../../src/model/folder/files.ts'
import { loadModel } from '../../src/model/folder/load.ts'
import { newModelFolder, refuseExisting } from '../../src/model/folder/new-folder.ts'
import { writeModel } from '../../src/model/folder/write.ts'
import type { Clock } from '../../src/types/clock.ts'
import type { TokenizedExample } from '../../src/types/data.ts'
import type { InferenceEngine, TrainingEngine } from '../../src/types/engine.ts'
import type { BaseModel } from '../../src/types/model.ts'
import type { TrainProgress } from '../train-loop.ts'
import { chooseLayers, type DroppedLayer } from './choose-layers.ts'
import { lossOf, type MeasureSettings, type ModelReport, reportOn } from './measure.ts'
import { type RecoveryPlan, recover } from './recover.ts'

/** What is taken away. */
export type Cut =
  | { readonly kind: 'weights'; readonly sparsity: number }
  | { readonly kind: 'layers'; readonly dropped: readonly number[] }
  /** those that the model misses least go until so many are left */
  | { readonly kind: 'depth'; readonly layers: number; readonly calibration: readonly TokenizedExample[] }

export interface PruneOptions {
  readonly model: BaseModel
  /** the folder that it was loaded from */
  readonly from: string
  /** must not exist */
  readonly out: string
  readonly dtype: WeightDtype
  readonly cut: Cut
  readonly recovery: RecoveryPlan | null
  /** held-out examples; empty: nothing is measured */
  readonly test: readonly TokenizedExample[]
  readonly maxTokens: number
  readonly threads: number
  readonly engine: TrainingEngine & InferenceEngine
  readonly clock: Clock
  readonly signal: AbortSignal
  onStage?(stage: PruneStage): void
}

export type PruneStage =
  | { readonly stage: 'measuring'; readonly what: 'before' | 'pruned' | 'after' }
  | { readonly stage: 'choosing'; readonly done: number; readonly total: number }
  | { readonly stage: 'training'; readonly progress: TrainProgress }
  | { readonly stage: 'writing' }

export interface PruneResult {
  readonly digest: string
  readonly layersBefore: number
  readonly layersAfter: number
  /** numbers in the model that was pruned, in the order in which they went; `loss` where it was measured */
  readonly dropped: readonly (Pick<DroppedLayer, 'layer'> & Partial<DroppedLayer>)[]
  /** of the weight files */
  readonly bytesBefore: number
  readonly bytesAfter: number
  readonly before: ModelReport
  readonly pruned: ModelReport
  /** the folder as it was written; null when nothing was trained and `pruned` says it all but for the rounding of weights */
  readonly recovered: ModelReport | null
  /** loss after training before the zeros were put back: what they cost. null where there were none, or nothing was measured */
  readonly unmaskedLoss: number | null
  readonly trainingSteps: number
  readonly trainingSeconds: number
}

/**
 * The folder appears under its name when it is whole.
 * @throws CoveyError E_ARGUMENT | E_DATA_EMPTY | E_DIVERGED | E_ABORTED | E_ENGINE | E_DISK | E_MODEL_SHAPE
 */
export async function pruneFolder(options: PruneOptions): Promise<PruneResult> {
  const { model, out, cut, recovery, engine, test, maxTokens, threads, clock, signal } = options
  const tell = (stage: PruneStage): void => options.onStage?.(stage)
  // what fails fails before hours are spent
  await refuseExisting(resolve(out))
  const settings: MeasureSettings = { engine, examples: test, maxTokens, threads, signal }
  const report = (what: 'before' | 'pruned' | 'after', of: BaseModel): Promise<ModelReport> => {
    tell({ stage: 'measuring', what })
    return reportOn(of, settings)
  }
  const dropped = await layersToDrop(options, settings, (done, total) => tell({ stage: 'choosing', done, total }))
  const small =
    cut.kind === 'weights'
      ? pruneWeights(model, cut.sparsity)
      : dropLayers(
          model,
          dropped.map((d) => d.layer),
        )
  const before = await report('before', model)
  const pruned = await report('pruned', small)
  const trained =
    recovery === null
      ? null
      : await recover(small, cut.kind === 'weights' ? small : null, recovery, engine, clock, signal, (progress) =>
          tell({ stage: 'training', progress }),
        )
  const unmasked = trained?.unmasked ?? null
  const unmaskedLoss = unmasked === null || test.length === 0 ? null : (await lossOf(unmasked, settings)).loss
  tell({ stage: 'writing' })
  const result = trained?.model ?? small
  return newModelFolder(resolve(options.from), out, async (dir) => {
    throwIfAborted(signal)
    await writeModel(dir, result.config, (name) => result.tensor(name), options.dtype)
    const written = await loadModel(dir, signal)
    return {
      digest: written.digest,
      layersBefore: model.config.layers,
      layersAfter: written.config.layers,
      dropped,
      bytesBefore: await weightBytes(resolve(options.from)),
      bytesAfter: await weightBytes(dir),
      before,
      pruned,
      recovered: trained === null ? null : await report('after', written),
      unmaskedLoss,
      trainingSteps: trained?.steps ?? 0,
      trainingSeconds: trained?.seconds ?? 0,
    }
  })
}

async function layersToDrop(
  { model, cut }: PruneOptions,
  settings: MeasureSettings,
  onCandidate: (done: number, total: number) => void,
): Promise<PruneResult['dropped']> {
  if (cut.kind === 'weights') return []
  if (cut.kind === 'layers') return cut.dropped.map((layer) => ({ layer }))
  return chooseLayers(model, cut.layers, { ...settings, examples: cut.calibration }, onCandidate)
}

async function weightBytes(dir: string): Promise<number> {
  let bytes = 0
  for (const name of await weightFileNames(dir)) {
    const path = join(dir, name)
    bytes += (await withDisk(path, () => stat(path))).size
  }
  return bytes
}
