/** What a trade is: an organisation's tools, and the ways in which people ask for them. */

/** Values that a slot takes; the request and the call hold the same. */
export type Slot =
  | { readonly kind: 'number'; readonly min: number; readonly max: number; readonly step: number }
  | { readonly kind: 'word'; readonly words: readonly string[] }

export interface Tool {
  readonly name: string
  /** in the order of the call's JSON, at most two */
  readonly slots: Readonly<Record<string, Slot>>
  /** verb phrases that fit after "can you": `send {amount} dollars to {to}` */
  readonly ask: readonly string[]
  /** whole sentences: `my card is gone` */
  readonly say: readonly string[]
}

export interface Trade {
  readonly name: string
  readonly tools: readonly Tool[]
}

export const number = (min: number, max: number, step = 1): Slot => ({ kind: 'number', min, max, step })

/** A list written as one text, a blank between words. */
export const words = (text: string): Slot => ({ kind: 'word', words: text.trim().split(/\s+/) })
