/**
 * Trains a byte-level BPE vocabulary (Sennrich et al. 2016, arXiv:1508.07909; bytes as in GPT-2, Radford et al. 2019)
 * and writes it in the format of Hugging Face's tokenizer.json. Text is cut into pre-tokens first, each distinct
 * pre-token is counted once, and the merges run over those counts.
 */
import { CoveyError } from '../base/errors.ts'

/**
 * SmolLM's cut: every digit alone, then GPT-2's pattern. Written as one expression; equal to the `Digits` +
 * `ByteLevel` pre-tokenizers that `tokenizerJson` names (a test holds this).
 */
const PRE_TOKEN = /\d|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?(?:(?!\d)\p{N})+| ?[^\s\p{L}\p{N}]+|\s+(?=\d)|\s+(?!\S)|\s+/gu

/** Pieces of text that no merge crosses; joined they are the text again. */
export function preTokens(text: string): string[] {
  return text.match(PRE_TOKEN) ?? []
}

/** Adds each pre-token of `text` to `counts`, `weight` times. */
export function countPreTokens(counts: Map<string, number>, text: string, weight = 1): void {
  for (const piece of preTokens(text)) counts.set(piece, (counts.get(piece) ?? 0) + weight)
}

/** GPT-2's printable character for each byte: printable Latin-1 stays, the rest moves to U+0100 and on. */
function byteCharacters(): string[] {
  const out: string[] = []
  let extra = 0
  for (let b = 0; b < 256; b++) {
    const printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174
    out.push(String.fromCharCode(printable ? b : 256 + extra++))
  }
  return out
}

/** A trained vocabulary: `tokens[id]`, and the merges in the order in which they apply. */
export interface BpeVocabulary {
  readonly specials: readonly string[]
  readonly tokens: readonly string[]
  readonly merges: readonly (readonly [left: string, right: string])[]
}

/** Pair keys hold two ids of 16 bits. */
const MAX_VOCAB = 65_536

/**
 * @param counts pre-token -> how often (any positive number)
 * @param options.vocabSize ids in all: specials, 256 bytes, merges
 * @param options.specials take the ids 0, 1, …
 * @returns fewer tokens than asked for when no pair is left. @throws CoveyError E_ARGUMENT
 */
export function trainBpe(
  counts: ReadonlyMap<string, number>,
  options: { readonly vocabSize: number; readonly specials: readonly string[] },
): BpeVocabulary {
  const { vocabSize, specials } = options
  const fewest = specials.length + 256
  if (!Number.isSafeInteger(vocabSize) || vocabSize < fewest || vocabSize > MAX_VOCAB) {
    throw new CoveyError('E_ARGUMENT', `vocabSize: expected ${fewest} to ${MAX_VOCAB}, got ${vocabSize}`, { vocabSize })
  }
  const tokens = [...specials, ...byteCharacters()]
  const words: number[][] = []
  const weights: number[] = []
  for (const [piece, count] of counts) {
    const bytes = Buffer.from(piece, 'utf8')
    if (bytes.length < 2 || !(count > 0)) continue
    words.push(Array.from(bytes, (b) => b + specials.length))
    weights.push(count)
  }
  const pairs = new PairCounts()
  for (let w = 0; w < words.length; w++) pairs.addWord(words[w] as number[], weights[w] as number, w)
  const merges: [string, string][] = []
  const idOf = new Map(tokens.map((token, id) => [token, id]))
  while (tokens.length < vocabSize) {
    const best = pairs.takeBest()
    if (best === null) break
    const left = Math.floor(best.key / MAX_VOCAB)
    const right = best.key % MAX_VOCAB
    const token = `${tokens[left]}${tokens[right]}`
    // two different pairs may spell the same token: it keeps its first id, both merges lead to it
    const id = idOf.get(token) ?? tokens.push(token) - 1
    idOf.set(token, id)
    merges.push([tokens[left] as string, tokens[right] as string])
    for (const w of best.words) pairs.merge(words[w] as number[], weights[w] as number, w, left, right, id)
    pairs.flush()
  }
  return { specials, tokens, merges }
}

/** How often each neighbouring pair occurs, in which words, and the most frequent one (ties: the smallest ids). */
class PairCounts {
  readonly #count = new Map<number, number>()
  readonly #where = new Map<number, Set<number>>()
  readonly #changed = new Set<number>()
  /** binary max-heap of [count, key]; old entries stay and are skipped when they come up */
  readonly #heap: [count: number, key: number][] = []

  addWord(word: readonly number[], weight: number, index: number): void {
    for (let i = 0; i + 1 < word.length; i++)
      this.#add((word[i] as number) * MAX_VOCAB + (word[i + 1] as number), weight, index)
  }

  #add(key: number, weight: number, index: number): void {
    this.#count.set(key, (this.#count.get(key) ?? 0) + weight)
    const where = this.#where.get(key)
    if (where) where.add(index)
    else this.#where.set(key, new Set([index]))
    this.#changed.add(key)
  }

  #subtract(key: number, weight: number): void {
    this.#count.set(key, (this.#count.get(key) ?? 0) - weight)
    this.#changed.add(key)
  }

  /** Replaces left,right by id in one word and keeps the counts of the neighbours right. */
  merge(word: number[], weight: number, index: number, left: number, right: number, id: number): void {
    let write = 0
    for (let read = 0; read < word.length; ) {
      if (word[read] === left && word[read + 1] === right) {
        const before = write > 0 ? (word[write - 1] as number) : -1
        const after = read + 2 < word.length ? (word[read + 2] as number) : -1
        if (before >= 0) {
          this.#subtract(before * MAX_VOCAB + left, weight)
          this.#add(before * MAX_VOCAB + id, weight, index)
        }
        if (after >= 0) {
          this.#subtract(right * MAX_VOCAB + after, weight)
          // when the next pair merges too, its own turn writes (id, id) from its left side
          this.#add(id * MAX_VOCAB + after, weight, index)
        }
        word[write++] = id
        read += 2
      } else {
        word[write++] = word[read++] as number
      }
    }
    word.length = write
  }

  /** Puts every changed pair into the heap with its present count. */
  flush(): void {
    for (const key of this.#changed) {
      const count = this.#count.get(key) ?? 0
      if (count > 0) this.#push([count, key])
      else {
        this.#count.delete(key)
        this.#where.delete(key)
      }
    }
    this.#changed.clear()
  }

  /** Removes and returns the most frequent pair with the words that may hold it, in ascending order. */
  takeBest(): { key: number; words: number[] } | null {
    this.flush()
    for (;;) {
      const top = this.#pop()
      if (top === undefined) return null
      const [count, key] = top
      if (this.#count.get(key) !== count) continue
      const words = [...(this.#where.get(key) ?? [])].sort((a, b) => a - b)
      this.#count.delete(key)
      this.#where.delete(key)
      return { key, words }
    }
  }

  #before(a: readonly [number, number], b: readonly [number, number]): boolean {
    return a[0] > b[0] || (a[0] === b[0] && a[1] < b[1])
  }

  #push(entry: [number, number]): void {
    const heap = this.#heap
    let i = heap.push(entry) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!this.#before(entry, heap[parent] as [number, number])) break
      heap[i] = heap[parent] as [number, number]
      i = parent
    }
    heap[i] = entry
  }

  #pop(): [number, number] | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#before(heap[child + 1] as [number, number], heap[child] as [number, number]))
        child++
      if (!this.#before(heap[child] as [number, number], last)) break
      heap[i] = heap[child] as [number, number]
      i = child
    }
    heap[i] = last
    return top
  }
}

/** The vocabulary as the object of Hugging Face's tokenizer.json (BPE, Digits + ByteLevel, specials as added tokens). */
export function tokenizerJson(vocabulary: BpeVocabulary): Record<string, unknown> {
  const { specials, tokens, merges } = vocabulary
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: true },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(([left, right]) => [left, right]),
    },
  }
}
