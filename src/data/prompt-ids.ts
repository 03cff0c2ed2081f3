/**
 * A prompt's tokens as the model is used to them. Families that were trained with a mark in front of every text (Llama 3,
 * Mistral, Gemma) lose their bearings without it, and chat templates write it themselves.
 */
import type { Tokenizer } from '../types/data.ts'

/** The text's tokens, with the tokenizer's opening mark once. @throws CoveyError E_TOKENIZER */
export function promptIds(tokenizer: Tokenizer, text: string): number[] {
  const ids = tokenizer.encode(text)
  const { openingId } = tokenizer
  return openingId === undefined || ids[0] === openingId ? ids : [openingId, ...ids]
}
