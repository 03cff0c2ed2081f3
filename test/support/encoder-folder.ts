/** A whole DistilBERT folder small enough for a test: random weights, a WordPiece tokenizer of a few words. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeModel } from '../../src/model/folder/write.ts'
import { livelyModel } from './engine-fixtures.ts'
import { type ConfigJson, FAMILIES, familyConfig } from './families.ts'

const MARKS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
const WORDS = ['a', 'the', 'film', 'was', 'good', 'bad', 'fine', 'dull', 'very', 'and', '##ly', '.']
export const ENCODER_TOKENS = [...MARKS, ...WORDS]

export async function writeEncoderFolder(
  dir: string,
  family: 'DistilBERT, classes' | 'DistilBERT, masked',
): Promise<string> {
  const json = { ...(FAMILIES[family] as ConfigJson), id2label: { 0: 'NEGATIVE', 1: 'POSITIVE' } }
  const model = livelyModel(familyConfig(json))
  await mkdir(dir, { recursive: true })
  await writeModel(dir, model.config, (name) => model.tensor(name), 'F32')
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const tokenizer = {
    version: '1.0',
    added_tokens: MARKS.map((content, id) => ({ id, content, ...flags })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(ENCODER_TOKENS.map((token, id) => [token, id])),
    },
  }
  await writeFile(join(dir, 'tokenizer.json'), JSON.stringify(tokenizer))
  await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify({ do_lower_case: true, model_max_length: 64 }))
  return dir
}
