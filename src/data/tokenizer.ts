/**
 * A model folder's tokenizer: tokenizer.json and tokenizer_config.json in Hugging Face's format, and the chat template.
 *
 *   const tokenizer = await loadTokenizer('models/covey-nano')
 *   tokenizer.decode(tokenizer.encode('hello')) // 'hello'
 */
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { Template } from '@huggingface/jinja'
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import { CoveyError, messageOf } from '../base/errors.ts'
import type { ChatMessage, EncoderMarks, Tokenizer } from '../types/data.ts'

/** Gemma's tokenizer.json, the largest in common use, has 33 MB. */
const MAX_TOKENIZER_BYTES = 128 * 1024 * 1024
/** Chat templates with tools are some 10 KB. */
const MAX_TEMPLATE_CHARACTERS = 256 * 1024

type Json = Readonly<Record<string, unknown>>

const refuse = (message: string, data: Record<string, unknown>, cause?: unknown): CoveyError =>
  new CoveyError('E_TOKENIZER', message, data, cause === undefined ? {} : { cause })

async function readText(file: string): Promise<string | null> {
  try {
    const { size } = await stat(file)
    if (size > MAX_TOKENIZER_BYTES) {
      throw refuse(`${file}: expected at most ${MAX_TOKENIZER_BYTES} bytes, got ${size}`, { file, size })
    }
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    if (error instanceof CoveyError) throw error
    throw refuse(`${file} could not be read: ${messageOf(error)}`, { file }, error)
  }
}

async function readJson(file: string): Promise<Json | null> {
  const text = await readText(file)
  if (text === null) return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw refuse(`${file}: expected JSON, got ${messageOf(error)}; fetch the file again`, { file }, error)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw refuse(`${file}: expected a JSON object; fetch the file again`, { file })
  }
  return value as Json
}

/** A token that tokenizer_config.json names as text or as {content}. */
const tokenText = (value: unknown): string | null => {
  if (typeof value === 'string') return value
  const content = (value as { content?: unknown } | null | undefined)?.content
  return typeof content === 'string' ? content : null
}

/** Older folders list several templates by name. */
function chatTemplateOf(config: Json, file: string | null): string | null {
  const given = file ?? config.chat_template
  if (typeof given === 'string') return given
  if (!Array.isArray(given)) return null
  const entries = given as { name?: unknown; template?: unknown }[]
  const entry = entries.find((e) => e?.name === 'default') ?? entries[0]
  return typeof entry?.template === 'string' ? entry.template : null
}

/**
 * Reads `tokenizer.json`, `tokenizer_config.json` (may be absent), `chat_template.jinja` (may be absent); the end of text
 * comes from `eos_token`, else from config.json's `eos_token_id`.
 * @throws CoveyError E_TOKENIZER when a file is missing or broken, or of a kind that the library does not know
 */
export async function loadTokenizer(dir: string): Promise<Tokenizer> {
  const file = path.join(dir, 'tokenizer.json')
  const definition = await readJson(file)
  if (definition === null) {
    throw refuse(`${file} is missing: expected a model folder in Hugging Face's layout`, { file })
  }
  const config = (await readJson(path.join(dir, 'tokenizer_config.json'))) ?? {}
  const modelConfig = (await readJson(path.join(dir, 'config.json'))) ?? {}
  const templateText = chatTemplateOf(config, await readText(path.join(dir, 'chat_template.jinja')))
  let tokenizer: HuggingFaceTokenizer
  try {
    // the library does not expect a file without added tokens
    tokenizer = new HuggingFaceTokenizer({ ...definition, added_tokens: definition.added_tokens ?? [] }, config)
  } catch (error) {
    throw refuse(`${file}: the tokenizer could not be built: ${messageOf(error)}`, { file }, error)
  }
  return new FolderTokenizer(dir, tokenizer, { config, modelConfig, templateText })
}

class FolderTokenizer implements Tokenizer {
  readonly vocabSize: number
  readonly bosId: number | null
  readonly eosId: number
  readonly openingId?: number
  readonly encoder?: EncoderMarks
  readonly #dir: string
  readonly #tokenizer: HuggingFaceTokenizer
  readonly #specials: ReadonlySet<number>
  /** texts of the special tokens, longest first; null when there is none */
  readonly #specialText: RegExp | null
  readonly #template: Template | null
  readonly #bosText: string
  readonly #eosText: string

  constructor(
    dir: string,
    tokenizer: HuggingFaceTokenizer,
    files: { readonly config: Json; readonly modelConfig: Json; readonly templateText: string | null },
  ) {
    this.#dir = dir
    this.#tokenizer = tokenizer
    this.vocabSize = vocabularySize(dir, tokenizer, files.modelConfig)
    const specials = [...tokenizer.get_added_tokens_decoder()].filter(([, token]) => token.special)
    this.#specials = new Set(specials.map(([id]) => id))
    const texts = specials.map(([, token]) => token.content).sort((a, b) => b.length - a.length)
    this.#specialText =
      texts.length === 0
        ? null
        : new RegExp(texts.map((t) => t.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g')
    const id = (key: 'bos' | 'eos'): number | null => {
      const text = tokenText(files.config[`${key}_token`])
      if (text !== null) return tokenizer.token_to_id(text) ?? null
      const listed: unknown = [files.modelConfig[`${key}_token_id`]].flat()[0]
      return Number.isSafeInteger(listed) ? (listed as number) : null
    }
    this.bosId = id('bos')
    // the file's own rule for what goes around a text, of which the front is kept
    const [first] = tokenizer.encode('a').ids
    if (first !== undefined && first === this.bosId) this.openingId = first
    const encoder = encoderMarks(dir, tokenizer, files)
    if (encoder !== null) this.encoder = encoder
    const eosId = id('eos') ?? encoder?.lastId ?? null
    if (eosId === null || eosId < 0 || eosId >= this.vocabSize) {
      throw refuse(
        `${dir}: no end-of-text token: expected "eos_token" in tokenizer_config.json to be one of the vocabulary, or "eos_token_id" in config.json`,
        { dir },
      )
    }
    this.eosId = eosId
    this.#eosText = tokenizer.id_to_token(eosId) ?? ''
    this.#bosText = this.bosId === null ? '' : (tokenizer.id_to_token(this.bosId) ?? '')
    this.#template = files.templateText === null ? null : parseTemplate(dir, files.templateText)
  }

  encode(text: string): number[] {
    const { ids } = this.#tokenizer.encode(text, { add_special_tokens: false })
    for (const id of ids) {
      // the library answers undefined for text that a vocabulary without an unknown token cannot spell
      if (id === undefined) {
        throw refuse(`${this.#dir}: the vocabulary cannot spell the text and has no unknown token`, { dir: this.#dir })
      }
    }
    // a mark that the model has no row for (Gemma 3's image token) cannot be read, only left out
    return ids.filter((id: number) => id < this.vocabSize)
  }

  decode(ids: readonly number[]): string {
    // left out here: the library compares texts, not ids, and refuses an empty list
    const kept = ids.filter((id) => !this.#specials.has(id))
    if (kept.length === 0) return ''
    const wrong = kept.find((id) => !Number.isSafeInteger(id) || id < 0 || id >= this.vocabSize)
    if (wrong !== undefined) {
      throw new CoveyError('E_ARGUMENT', `ids: expected token ids below ${this.vocabSize}, got ${wrong}`, { id: wrong })
    }
    return this.#tokenizer.decode(kept, { clean_up_tokenization_spaces: false })
  }

  tokens(): ReadonlyMap<string, number> {
    return new Map([...this.#tokenizer.get_vocab()].filter(([, id]) => id < this.vocabSize))
  }

  plain(text: string): string {
    const specialText = this.#specialText
    if (specialText === null) return text
    let out = text
    let before: string
    do {
      before = out
      out = before.replace(specialText, '')
      // again until nothing is left, since a removal may join the halves of another mark
    } while (out !== before)
    return out
  }

  /** A special token's text inside a message would forge a turn: it is taken out. @throws CoveyError E_TOKENIZER */
  chat(messages: readonly ChatMessage[], open: boolean): string {
    if (this.#template === null) {
      throw refuse(`${this.#dir} has no chat template: give "prompt" and "completion" instead of "messages"`, {
        dir: this.#dir,
      })
    }
    const clean = messages.map(({ role, content, reasoning_content: thinking }) => ({
      role,
      content: this.plain(content),
      ...(thinking !== undefined && { reasoning_content: this.plain(thinking) }),
    }))
    try {
      return this.#template.render({
        messages: clean,
        add_generation_prompt: open,
        bos_token: this.#bosText,
        eos_token: this.#eosText,
      })
    } catch (error) {
      throw refuse(
        `${this.#dir}: the chat template refused the messages: ${messageOf(error)}`,
        { dir: this.#dir },
        error,
      )
    }
  }
}

/**
 * How many tokens there are. Marks that were added behind the model's own vocabulary do not count: the text half of a model
 * for pictures keeps a tokenizer with marks for them.
 * @throws CoveyError E_TOKENIZER when ordinary tokens are more than the model of the same folder has
 */
function vocabularySize(dir: string, tokenizer: HuggingFaceTokenizer, modelConfig: Json): number {
  const added = tokenizer.get_added_tokens_decoder()
  const rows = Number.isSafeInteger(modelConfig.vocab_size) ? (modelConfig.vocab_size as number) : null
  let largest = -1
  for (const id of tokenizer.get_vocab().values()) {
    if (rows !== null && id >= rows) {
      if (added.get(id)?.special) continue
      throw refuse(
        `${dir}: the tokenizer has token ${id}, the model's vocabulary has ${rows} (vocab_size of config.json): fetch tokenizer.json and the model again, together`,
        { dir, id, vocabSize: rows },
      )
    }
    largest = Math.max(largest, id)
  }
  return largest + 1
}

/** transformers' names of its classes tell what a model is for. */
const ENCODER_CLASS = /^DistilBertFor(SequenceClassification|MaskedLM)$/
/** More classes than any classifier of texts has. */
const MAX_CLASSES = 65_536

/** @throws CoveyError E_TOKENIZER when an encoder's folder lacks its marks */
function encoderMarks(
  dir: string,
  tokenizer: HuggingFaceTokenizer,
  files: { readonly config: Json; readonly modelConfig: Json },
): EncoderMarks | null {
  const name = [files.modelConfig.architectures].flat()[0]
  const [, kind] = ENCODER_CLASS.exec(typeof name === 'string' ? name : '') ?? []
  if (kind === undefined) return null
  const mark = (key: string, usual: string): number => {
    const text = tokenText(files.config[key]) ?? usual
    const id = tokenizer.token_to_id(text)
    if (id === undefined)
      throw refuse(`${dir}: an encoder needs the token ${text} (${key}), tokenizer.json has none`, { dir })
    return id
  }
  const masked = kind === 'MaskedLM'
  return {
    firstId: mark('cls_token', '[CLS]'),
    lastId: mark('sep_token', '[SEP]'),
    maskId: masked ? mark('mask_token', '[MASK]') : null,
    classes: masked ? null : classNames(files.modelConfig),
  }
}

/** As src/model/families/distilbert.ts reads them, which checks them. */
function classNames({ id2label, num_labels }: Json): string[] {
  const names = (id2label ?? {}) as Readonly<Record<string, unknown>>
  const listed = Object.keys(names).length
  const count = Number.isSafeInteger(num_labels) ? (num_labels as number) : listed > 0 ? listed : 2
  return Array.from({ length: Math.min(count, MAX_CLASSES) }, (_, i) => String(names[i] ?? `LABEL_${i}`))
}

function parseTemplate(dir: string, text: string): Template {
  if (text.length > MAX_TEMPLATE_CHARACTERS) {
    throw refuse(`${dir}: chat template: expected at most ${MAX_TEMPLATE_CHARACTERS} characters, got ${text.length}`, {
      dir,
    })
  }
  try {
    return new Template(text)
  } catch (error) {
    throw refuse(`${dir}: the chat template could not be parsed: ${messageOf(error)}`, { dir }, error)
  }
}
