/** A whole model folder small enough for a test: random weights, one token a byte, a chat template. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeModel } from '../../src/model/folder/write.ts'
import { createRandomModel } from '../../src/model/random.ts'
import type { ModelConfig } from '../../src/types/model.ts'
import { tinyConfig } from './tiny-config.ts'

const SPECIALS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>']

/** GPT-2's spelling of bytes as printable characters (openai/gpt-2, encoder.py, `bytes_to_unicode`). */
function byteLetters(): string[] {
  const printable = (b: number): boolean => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174
  let extra = 0
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(printable(b) ? b : 256 + extra++))
}

/** @param shape whose widths and layers the model has */
export async function writeTinyModel(dir: string, shape: ModelConfig = tinyConfig): Promise<string> {
  const config = { ...shape, vocabSize: 256 + SPECIALS.length, maxPositions: 128, bosId: null, eosIds: [0] }
  await mkdir(dir, { recursive: true })
  const model = createRandomModel(config, 1)
  await writeModel(dir, config, (name) => model.tensor(name), 'F32')
  const vocab = Object.fromEntries([...SPECIALS, ...byteLetters()].map((token, id) => [token, id]))
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const tokenizer = {
    version: '1.0',
    added_tokens: SPECIALS.map((content, id) => ({ id, content, ...flags })),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges: [] },
  }
  const settings = {
    eos_token: SPECIALS[0],
    chat_template:
      "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
  }
  await writeFile(join(dir, 'tokenizer.json'), JSON.stringify(tokenizer))
  await writeFile(join(dir, 'tokenizer_config.json'), JSON.stringify(settings))
  return dir
}
