import type { AdapterLayout, LoraFactor, LoraLayout } from './adapter.ts'
import type { PackedBatch } from './data.ts'
import type { BaseModel } from './model.ts'

/** Seam: trains the parameters of one model on batches. Real: ONNX Runtime. Twin: `test/support/bigram-engine.ts`. */
export interface TrainingEngine {
  readonly name: string
  /** @throws CoveyError E_ENGINE | E_MODEL_SHAPE | E_ADAPTER */
  openTrainer(options: TrainerOptions): Promise<Trainer>
}

/**
 * Steps for differential privacy by example (DP-SGD, Abadi et al. 2016, arXiv:1607.00133). An example's loss is the mean over its own
 * labels; its gradient over all that is trained is clipped to an L2 norm of `clip`; a step takes the sum of those, rounded to the grid
 * of the noise that it is given, plus the noise, over `examples`.
 */
export interface PerExample {
  readonly clip: number
  /** expected number of examples in a step: a number that does not depend on who was drawn */
  readonly examples: number
}

/** Whole numbers on a grid, one for each trained value, in the order of the flat vector. */
export interface StepNoise {
  /** the grid's step, in the unit of a gradient */
  readonly step: number
  readonly values: Int32Array
}

/** What is trained: some factors of LoRA, all that a method has, or every weight of the model itself. */
export type Trainable =
  | {
      readonly kind: 'lora'
      readonly layout: LoraLayout
      readonly factors: readonly LoraFactor[]
      /** how many of the rank's directions, from the first; left out: all. The others take part and stay as they are */
      readonly directions?: number
    }
  | { readonly kind: 'adapter'; readonly layout: AdapterLayout }
  | { readonly kind: 'full' }

/** AdamW, Loshchilov and Hutter 2019 (arXiv:1711.05101). */
export interface OptimizerConfig {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** the gradient's global L2 norm is clipped to this; 0 = no clipping */
  readonly clipNorm: number
  /**
   * µ of ½µ‖θ − θ₀‖², which is added to what is minimised but not to the loss that a step tells; θ₀ are the parameters that were last
   * set. FedProx, Li et al. 2020 (arXiv:1812.06127). Left out: 0
   */
  readonly proximal?: number
}

/**
 * In what the products with frozen weights are computed: float32; 8 bits both ways (less memory, faster where the processor
 * has 8-bit instructions, a loss that differs by rounding); 4 bits for the weights alone (a sixth of the memory, a loss that
 * differs visibly). What is trained is always float32.
 */
export type Precision = 'fp32' | 'int8' | 'int4'

export interface TrainerOptions {
  readonly model: BaseModel
  readonly trainable: Trainable
  readonly optimizer: OptimizerConfig
  /** cores that a step may use; 0 = all */
  readonly threads: number
  /** seed of dropout masks */
  readonly seed: number
  /** fp32 unless given */
  readonly precision?: Precision
  /** learn from the soft labels of every batch, too */
  readonly distillation?: Distillation
  /** clip each example's gradient: then every step needs noise. LoRA only. @throws CoveyError E_ARGUMENT where it cannot be done */
  readonly perExample?: PerExample
}

/**
 * Loss of a label (Hinton, Vinyals, Dean 2015, arXiv:1503.02531): (1−mix)·nll + mix·T²·KL(teacher_T ‖ student_T), where p_T
 * is softmax(logits/T). The divergence is that over the soft labels' tokens and the rest as one more token: it is 0 where
 * both say the same, and how the student deals the rest is left to it.
 */
export interface Distillation {
  /** T > 0, at which the soft labels were made */
  readonly temperature: number
  /** 0: the labels alone; 1: the teacher alone */
  readonly mix: number
}

export interface StepResult {
  /**
   * Σ w·nll / Σ w over all labels of the step: the mean cross-entropy per label where no weights are given, nats. With
   * distillation the mixed loss stands in place of the nll, per example the mean over examples of the mean over their labels;
   * 0 without labels
   */
  readonly loss: number
  /** before clipping; per example of the noisy sum over their expected number */
  readonly gradNorm: number
  /** labels that carried loss: those whose weight is above 0 */
  readonly labels: number
  /** tokens that went through, padding included */
  readonly tokens: number
}

/** Everything that a trainer needs to go on after a restart, besides the parameters. */
export interface OptimizerState {
  readonly step: number
  readonly m: Float32Array
  readonly v: Float32Array
}

export interface Trainer {
  /** length of the flat parameter vector: the layout's size, or all weights in the order of `parameterNames` */
  readonly size: number
  /** a copy of the flat parameter vector; of a method in the layout's order, frozen factors included */
  parameters(): Float32Array
  /** sets the parameters and forgets the optimizer's state */
  setParameters(values: Float32Array): void
  /**
   * One update; several batches accumulate into one gradient, weighted by their labels' weights. A signal that fires ends it
   * at once, whatever computes: parameters and optimizer stay as they were, and the next step may be asked for right away.
   * One that fires when the update itself has begun comes too late: the step ends as if it had not.
   * A trainer that clips each example's gradient needs noise, and takes no batch at all: a step of noise alone.
   * @throws CoveyError E_DIVERGED | E_ABORTED | E_ARGUMENT | E_ENGINE
   */
  step(
    batches: readonly PackedBatch[],
    learningRate: number,
    signal?: AbortSignal,
    noise?: StepNoise,
  ): Promise<StepResult>
  optimizerState(): OptimizerState
  restoreOptimizer(state: OptimizerState): void
  /** A step that runs is given up: it throws E_ABORTED, and its memory comes back when what computes has noticed. */
  close(): Promise<void>
}

/** Seam: runs a model, with an adapter or without. */
export interface InferenceEngine {
  readonly name: string
  openInference(options: InferenceOptions): Promise<Inference>
}

export interface InferenceOptions {
  readonly model: BaseModel
  /** the adapter's layout, or null for the base alone */
  readonly layout: AdapterLayout | null
  readonly threads: number
}

export interface EvalResult {
  /** mean cross-entropy per label, nats; weights of labels say what training is for, not what is measured, and do not count */
  readonly loss: number
  /**
   * share of examples whose every label is the argmax: equals greedy decoding's exact match, end-of-text included. Of an
   * example that thinks it asks for the thinking, word for word, too; `answersOnly` of src/data/tokenize.ts asks for the answer
   */
  readonly exactMatch: number
  readonly examples: number
  readonly labels: number
}

export interface GenerateOptions {
  readonly maxTokens: number
  /** 0 = greedy */
  readonly temperature: number
  readonly topP: number
  readonly seed: number
  readonly stopIds: readonly number[]
  readonly signal?: AbortSignal
}

/** One token of one prompt, as it comes. `done` says why that prompt ended. */
export interface GeneratedToken {
  readonly row: number
  readonly id: number
  readonly done: 'stop' | 'length' | null
}

export interface Inference {
  /** null = the base alone. Takes effect for calls that start later. (layout.size) */
  setAdapter(values: Float32Array | null): void
  /** @throws CoveyError E_ABORTED at once when the signal fires | E_ARGUMENT | E_ENGINE */
  evaluate(batches: Iterable<PackedBatch>, signal?: AbortSignal): Promise<EvalResult>
  /**
   * softmax(logits/temperature) at each labelled place, in their order (labels, V; of a classifier: classes). Whoever asks
   * cuts batches so that this fits into memory. @throws CoveyError E_ABORTED | E_ARGUMENT | E_ENGINE
   */
  probabilities(batch: PackedBatch, temperature: number, signal?: AbortSignal): Promise<Float32Array>
  /** Batched decoding with a KV cache; prompts may differ in length. Throws E_ABORTED at once when its signal fires. */
  generate(prompts: readonly (readonly number[])[], options: GenerateOptions): AsyncIterable<GeneratedToken>
  /** What runs is given up: it throws E_ABORTED. */
  close(): Promise<void>
}
