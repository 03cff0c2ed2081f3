/** Small stand-ins for a model: one token a byte, answers given by a function. For tests of what stands around a model. */
import { setTimeout as sleep } from 'node:timers/promises'
import { CoveyError } from '../../src/base/errors.ts'
import type { ChatMessage, Tokenizer } from '../../src/types/data.ts'
import type { EvalResult, GeneratedToken, GenerateOptions, Inference } from '../../src/types/engine.ts'

export const BYTE_EOS = 256

/** UTF-8 bytes as tokens, 256 = end of text; a chat is its messages in angle brackets. */
export const byteTokenizer: Tokenizer = {
  vocabSize: 257,
  bosId: null,
  eosId: BYTE_EOS,
  encode: (text) => [...new TextEncoder().encode(text)],
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < 256))),
  chat: (messages: readonly ChatMessage[], open) =>
    messages.map((m) => `<${m.role}>${m.content}`).join('') + (open ? '<assistant>' : ''),
}

export interface FakeInferenceOptions {
  /** the answer to a prompt; `adapter` is what was set when the call began */
  readonly reply: (prompt: string, adapter: Float32Array | null, options: GenerateOptions) => string | readonly number[]
  /** pause before each token */
  readonly delay_ms?: number
  /** thrown before the first token */
  readonly fail?: Error
}

export class FakeInference implements Inference {
  private readonly options: FakeInferenceOptions
  private adapter: Float32Array | null = null
  closed = false
  /** calls of generate that run now, that have ended by themselves, that were stopped early */
  running = 0
  finished = 0
  stopped = 0

  constructor(options: FakeInferenceOptions) {
    this.options = options
  }

  setAdapter(values: Float32Array | null): void {
    this.adapter = values
  }

  async evaluate(): Promise<EvalResult> {
    return { loss: 1, exactMatch: 0, examples: 0, labels: 0 }
  }

  async probabilities(): Promise<Float32Array> {
    return new Float32Array(0)
  }

  async *generate(
    prompts: readonly (readonly number[])[],
    options: GenerateOptions,
  ): AsyncGenerator<GeneratedToken, void> {
    const { reply, delay_ms = 0, fail } = this.options
    const adapter = this.adapter
    this.running++
    let complete = false
    try {
      if (fail !== undefined) throw fail
      const answers = prompts.map((ids) => {
        const answer = reply(byteTokenizer.decode(ids), adapter, options)
        const tokens = typeof answer === 'string' ? byteTokenizer.encode(answer) : answer
        return [...tokens, BYTE_EOS]
      })
      const longest = Math.max(...answers.map((a) => a.length))
      for (let t = 0; t < Math.min(longest, options.maxTokens); t++) {
        if (delay_ms > 0) await sleep(delay_ms)
        if (options.signal?.aborted) throw new CoveyError('E_ABORTED', 'the work was cancelled')
        for (const [row, ids] of answers.entries()) {
          const id = ids[t]
          if (id === undefined) continue
          const done = options.stopIds.includes(id) ? 'stop' : t + 1 === options.maxTokens ? 'length' : null
          yield { row, id, done }
        }
      }
      complete = true
    } finally {
      this.running--
      if (complete) this.finished++
      else this.stopped++
    }
  }

  async close(): Promise<void> {
    this.closed = true
  }
}
