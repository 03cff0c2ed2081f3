/** What becomes of private files on their way to the engine. */

/** One thing to learn: the loss counts on the completion only. */
export interface Example {
  readonly prompt: string
  /** what is to be learnt; its thinking part, if it has one, stands in front of the answer as src/data/thinking.ts writes it */
  readonly completion: string
  /** the organisation, domain, speaker … it belongs to; whole partitions are dealt to nodes */
  readonly partition: string
}

/**
 * An example as tokens. `ids` = prompt then completion then end-of-text; `ids[i]` for i ≥ `promptLength` carry the loss.
 * An encoder's example says itself what is to be predicted where.
 */
export interface TokenizedExample {
  readonly ids: Int32Array
  readonly promptLength: number
  /** (ids.length) IGNORE_LABEL where nothing is; the completion's tokens, each at the place before it, when left out */
  readonly labels?: Int32Array
  /** (ids.length) what the label of a place counts in the loss, ≥ 0; 1 each when left out */
  readonly weights?: Float32Array
  /** tokens of the completion's thinking part: they stand right behind the prompt; 0 when left out */
  readonly thinkingLength?: number
}

/**
 * Examples packed into `rows` sequences of `length` tokens, row-major. Several examples may share a row; attention
 * stays inside an example: token j is seen by token i when segments match and positions[j] <= positions[i].
 */
export interface PackedBatch {
  readonly rows: number
  readonly length: number
  /** (rows·length) */
  readonly ids: Int32Array
  /** (rows·length) the token (of a classifier: the class) to predict at this place; IGNORE_LABEL carries no loss */
  readonly labels: Int32Array
  /** (rows·length) 0-based place inside the example */
  readonly positions: Int32Array
  /** (rows·length) 1-based number of the example inside this batch; 0 is padding */
  readonly segments: Int32Array
  /** number of examples: the largest segment */
  readonly examples: number
  /** labels that carry loss */
  readonly labelCount: number
  /** (rows·length) what the label of a place counts in a training step's loss, finite and ≥ 0; 1 each when left out */
  readonly weights?: Float32Array
  /** what a teacher would answer at the labelled places; needed by a trainer that distils, refused by any other */
  readonly soft?: SoftLabels
}

/**
 * A teacher's probabilities at the labelled places of a batch, in their order: those of the likeliest tokens one by one, of
 * all others together. What is left out of a vocabulary of 50,000 is little mass, and would be 200 KB a place.
 */
export interface SoftLabels {
  /** likeliest tokens at each place */
  readonly width: number
  /** (labels·width) tokens (of a classifier: classes), each once a place */
  readonly ids: Int32Array
  /** (labels·width) */
  readonly probabilities: Float32Array
  /** (labels) what all other tokens have together */
  readonly rest: Float32Array
}

/** PyTorch's and Hugging Face's value for "no loss here". */
export const IGNORE_LABEL = -100

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly content: string
  /** what the assistant thought before, by the name that OpenAI-compatible servers of reasoning models give it */
  readonly reasoning_content?: string
}

/** How an encoder wants its texts, and what it answers. */
export interface EncoderMarks {
  /** before and behind a text: BERT's [CLS] and [SEP] */
  readonly firstId: number
  readonly lastId: number
  /** stands where a token is to be guessed; null with a classifier */
  readonly maskId: number | null
  /** names of a classifier's answers, by number; null where tokens are guessed */
  readonly classes: readonly string[] | null
}

export interface Tokenizer {
  readonly vocabSize: number
  readonly bosId: number | null
  readonly eosId: number
  /** no special tokens are added */
  encode(text: string): number[]
  /** a text of somebody else's without what would be read as special tokens; the text itself when left out */
  plain?(text: string): string
  /** every token's text, as the file spells it, and its number; left out where nobody compares vocabularies */
  tokens?(): ReadonlyMap<string, number>
  /** special tokens are left out */
  decode(ids: readonly number[]): string
  /** what stands in front of every text that the model was trained on; see src/data/prompt-ids.ts */
  readonly openingId?: number
  /** set for an encoder, which reads a whole text and does not continue it */
  readonly encoder?: EncoderMarks
  /** the model's chat template, with the opening of the assistant's turn when `open` */
  chat(messages: readonly ChatMessage[], open: boolean): string
}
