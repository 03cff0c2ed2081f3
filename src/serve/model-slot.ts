/**
 * The model that is being served. It can be exchanged while requests run: those keep the one that they began with, and
 * it is closed when the last of them has ended.
 */
import { CoveyError } from '../base/errors.ts'
import type { Tokenizer } from '../types/data.ts'
import type { Inference } from '../types/engine.ts'

export interface ServedModel {
  /** what requests name it by */
  readonly id: string
  readonly inference: Inference
  readonly tokenizer: Tokenizer
  /** sha256 of the base's weights */
  readonly baseDigest: string
  /** digest of the adapter on top of it; null = the base alone */
  readonly adapterDigest: string | null
  /** prompt and answer together, tokens */
  readonly contextTokens: number
  /** tokens that end an answer */
  readonly stopIds: readonly number[]
}

/** One request's hold on a model. */
export interface Lease {
  readonly model: ServedModel
  release(): void
}

export class ModelSlot {
  private current: ServedModel
  private readonly users = new Map<Inference, number>()
  private readonly retired = new Map<
    Inference,
    { readonly resolve: () => void; readonly reject: (e: unknown) => void }
  >()
  private closed = false

  constructor(first: ServedModel) {
    this.current = first
  }

  /** the model that the next request will get */
  get model(): ServedModel {
    return this.current
  }

  /** @throws CoveyError E_ABORTED after `close` */
  acquire(): Lease {
    if (this.closed) throw new CoveyError('E_ABORTED', 'the model is not served any more: the process is stopping')
    const model = this.current
    this.users.set(model.inference, (this.users.get(model.inference) ?? 0) + 1)
    let held = true
    return {
      model,
      release: () => {
        if (!held) return
        held = false
        const left = (this.users.get(model.inference) ?? 1) - 1
        if (left > 0) this.users.set(model.inference, left)
        else this.users.delete(model.inference)
        this.closeIfIdle(model.inference)
      },
    }
  }

  /**
   * Another adapter on the same base, for requests that start from now on.
   * @param values (layout.size), or null for the base alone
   */
  setAdapter(values: Float32Array | null, digest: string | null): void {
    this.current.inference.setAdapter(values)
    this.current = { ...this.current, adapterDigest: digest }
  }

  /** Another model. Resolves when the old one's last request has ended and it is closed. */
  async replace(next: ServedModel): Promise<void> {
    const old = this.current
    this.current = next
    if (old.inference !== next.inference) await this.retire(old.inference)
  }

  /** No new requests; resolves when the running ones have ended and the model is closed. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.retire(this.current.inference)
  }

  private retire(inference: Inference): Promise<void> {
    return new Promise((resolve, reject) => {
      this.retired.set(inference, { resolve, reject })
      this.closeIfIdle(inference)
    })
  }

  private closeIfIdle(inference: Inference): void {
    const waiting = this.retired.get(inference)
    if (waiting === undefined || this.users.has(inference)) return
    this.retired.delete(inference)
    inference.close().then(waiting.resolve, waiting.reject)
  }
}
