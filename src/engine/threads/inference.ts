/** Inference that runs in a thread of its own. */
import { throwIfAborted } from '../../base/abort.ts'
import { CoveyError } from '../../base/errors.ts'
import type { PackedBatch } from '../../types/data.ts'
import type { EvalResult, GeneratedToken, GenerateOptions, Inference } from '../../types/engine.ts'
import type { BatchScore, LocalGenerateOptions } from '../loop/inference.ts'
import type { WorkerClient } from './client.ts'

export class ThreadInference implements Inference {
  readonly #client: WorkerClient
  readonly #size: number
  #generations = 0

  /** @param size length of the adapter's flat vector, 0 for the base alone */
  constructor(client: WorkerClient, size: number) {
    this.#client = client
    this.#size = size
  }

  setAdapter(values: Float32Array | null): void {
    if (values && values.length !== this.#size) {
      throw new CoveyError('E_ADAPTER', `adapter: expected ${this.#size} numbers, got ${values.length}`, {
        expected: this.#size,
        got: values.length,
      })
    }
    // requests are served in order, so later calls see it; a thread that is gone says so at the next call
    this.#client.call('setAdapter', [values]).catch(() => {})
  }

  async evaluate(batches: Iterable<PackedBatch>, signal?: AbortSignal): Promise<EvalResult> {
    const sum = { nll: 0, labels: 0, examples: 0, exact: 0 }
    for (const batch of batches) {
      const part = await this.#client.call<BatchScore>('score', [batch], signal)
      sum.nll += part.nll
      sum.labels += part.labels
      sum.examples += part.examples
      sum.exact += part.exact
    }
    throwIfAborted(signal)
    if (sum.labels === 0)
      throw new CoveyError('E_ARGUMENT', 'evaluate: expected at least one label, the batches have none')
    return {
      loss: sum.nll / sum.labels,
      exactMatch: sum.exact / sum.examples,
      examples: sum.examples,
      labels: sum.labels,
    }
  }

  probabilities(batch: PackedBatch, temperature: number, signal?: AbortSignal): Promise<Float32Array> {
    return this.#client.call<Float32Array>('probabilities', [batch, temperature], signal)
  }

  async *generate(
    prompts: readonly (readonly number[])[],
    { signal, ...options }: GenerateOptions,
  ): AsyncIterable<GeneratedToken> {
    throwIfAborted(signal)
    const local: LocalGenerateOptions = options
    const key = ++this.#generations
    try {
      await this.#client.call('begin', [key, prompts, local], signal)
      for (;;) {
        const tokens = await this.#client.call<GeneratedToken[]>('next', [key], signal)
        if (tokens.length === 0) return
        throwIfAborted(signal)
        yield* tokens
      }
    } finally {
      this.#client.call('end', [key]).catch(() => {})
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}
