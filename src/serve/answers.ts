/** The JSON that goes out: whole answers and the chunks of a stream, for chat and for completions. */
import type { Piece } from './completion.ts'

export type Finish = 'stop' | 'length'

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
}

/** What all parts of one answer have in common. */
export interface AnswerHead {
  readonly kind: 'chat' | 'completion'
  readonly id: string
  /** unix seconds */
  readonly created: number
  readonly model: string
  /** names base and adapter, so that two answers can be told apart by what gave them */
  readonly fingerprint: string
}

export interface Choice {
  readonly index: number
  readonly text: string
  readonly finish: Finish
}

const head = (h: AnswerHead, object: string) => ({
  id: h.id,
  object,
  created: h.created,
  model: h.model,
  system_fingerprint: h.fingerprint,
})

export function usageOf(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  }
}

export function wholeAnswer(h: AnswerHead, choices: readonly Choice[], usage: Usage): object {
  if (h.kind === 'completion') {
    const list = choices.map((c) => ({ index: c.index, text: c.text, logprobs: null, finish_reason: c.finish }))
    return { ...head(h, 'text_completion'), choices: list, usage }
  }
  const list = choices.map((c) => ({
    index: c.index,
    message: { role: 'assistant', content: c.text, refusal: null },
    logprobs: null,
    finish_reason: c.finish,
  }))
  return { ...head(h, 'chat.completion'), choices: list, usage }
}

/** The first chunk of a chat stream: who speaks. */
export function openingChunk(h: AnswerHead): object {
  const choices = [{ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }]
  return { ...head(h, 'chat.completion.chunk'), choices }
}

export function textChunk(h: AnswerHead, piece: Piece): object {
  const { index, text, finish } = piece
  if (h.kind === 'completion') {
    return { ...head(h, 'text_completion'), choices: [{ index, text, logprobs: null, finish_reason: finish }] }
  }
  const delta = text === '' ? {} : { content: text }
  return { ...head(h, 'chat.completion.chunk'), choices: [{ index, delta, logprobs: null, finish_reason: finish }] }
}

export function usageChunk(h: AnswerHead, usage: Usage): object {
  return { ...head(h, h.kind === 'chat' ? 'chat.completion.chunk' : 'text_completion'), choices: [], usage }
}
