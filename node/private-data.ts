/** From a node's private file to tokens. Text is read here, becomes numbers here, and goes nowhere else. */
import { readRecords } from '../src/data/records.ts'
import { holdOut } from '../src/data/split.ts'
import { toExamples } from '../src/data/template.ts'
import { tokenizeExamples } from '../src/data/tokenize.ts'
import type { Tokenizer } from '../src/types/data.ts'
import type { TaskSpec } from '../src/types/spec.ts'
import type { PrivateData } from './context.ts'
import type { DataSettings } from './settings.ts'

/** Part of a node's examples that it never trains on: its veto is measured there. */
export const HELD_OUT_SHARE = 0.1

/** @throws CoveyError E_DATA_FORMAT | E_DATA_EMPTY | E_TEMPLATE | E_DISK */
export async function loadPrivateData(
  settings: DataSettings,
  spec: TaskSpec,
  tokenizer: Tokenizer,
): Promise<PrivateData> {
  const file = await readRecords(settings.file)
  const own = { prompt: settings.prompt, completion: settings.completion, partitionBy: null }
  const hasOwn = settings.prompt !== null || file.records.some((r) => 'messages' in r || 'completion' in r)
  const { examples } = toExamples(file, hasOwn ? own : { ...spec.data, partitionBy: null }, tokenizer)
  const { train, heldOut } = holdOut(examples, HELD_OUT_SHARE, 'veto')
  const { maxTokens, thinkingWeight = 1 } = spec.training
  const tokens = (list: typeof train, options = {}) => tokenizeExamples(list, tokenizer, maxTokens, options).tokenized
  return { train: tokens(train, { thinkingWeight }), heldOut: tokens(heldOut).slice(0, spec.scoring.privateExamples) }
}
