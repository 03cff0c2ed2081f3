import { throwIfAborted } from '../../../src/base/abort.ts'
import { isCoveyError } from '../../../src/base/errors.ts'
import { type BadLine, readRecords } from '../../../src/data/records.ts'
import { exampleMaker } from '../../../src/data/template.ts'
import { tokenizeExample } from '../../../src/data/tokenize.ts'
import { loadTokenizer } from '../../../src/data/tokenizer.ts'
import type { Example } from '../../../src/types/data.ts'
import type { Handler } from '../../command.ts'
import { configOf, SHIPPED_MODEL } from '../../common.ts'
import type { dataInspectOptions } from './options.ts'

/** A file is read as long as one line in it is good: the purpose is to show what is wrong with the others. */
const ANY_SHARE = 1
/** Bad records that are listed; further ones are counted. */
const MAX_LISTED = 20

export const dataInspectHandler: Handler<typeof dataInspectOptions> = async (options, [file = ''], context) => {
  const { output, signal } = context
  const config = configOf({ dir: options.dir, model: options.model }, context)
  const tokenizer = await loadTokenizer(config.settings.model ?? SHIPPED_MODEL)
  const records = await readRecords(file, { maxBadShare: ANY_SHARE, signal })
  const examples: Example[] = []
  const misfits: BadLine[] = []
  const make = exampleMaker(options, tokenizer)
  for (const [i, record] of records.records.entries()) {
    try {
      examples.push(make(record))
    } catch (error) {
      if (!isCoveyError(error, 'E_TEMPLATE') && !isCoveyError(error, 'E_DATA_FORMAT')) throw error
      misfits.push({ line: records.lines[i] ?? i + 1, reason: error.message })
    }
  }
  const lengths: number[] = []
  const completions: number[] = []
  const thinking: number[] = []
  const partitions = new Map<string, { examples: number; tokens: number }>()
  const prompts = new Set<string>()
  for (const example of examples) {
    throwIfAborted(signal)
    const { ids, promptLength, thinkingLength = 0 } = tokenizeExample(example, tokenizer)
    lengths.push(ids.length)
    completions.push(ids.length - promptLength)
    if (thinkingLength > 0) thinking.push(thinkingLength)
    prompts.add(example.prompt)
    const sum = partitions.get(example.partition) ?? { examples: 0, tokens: 0 }
    partitions.set(example.partition, { examples: sum.examples + 1, tokens: sum.tokens + ids.length })
  }
  const tooLong = lengths.filter((n) => n > options.maxTokens).length
  const empty = examples.filter((e) => e.completion === '').length
  const bad: BadLine[] = [...records.bad, ...misfits.slice(0, MAX_LISTED)].sort((a, b) => a.line - b.line)
  const result = {
    file,
    lines: records.total,
    examples: examples.length,
    usable: examples.length - tooLong - empty,
    tooLong,
    empty,
    repeatedPrompts: examples.length - prompts.size,
    badLines: records.badCount + misfits.length,
    bad,
    tokens: { total: lengths.reduce((a, b) => a + b, 0), ...spread(lengths), completion: spread(completions) },
    thinking: { examples: thinking.length, tokens: thinking.reduce((a, b) => a + b, 0), ...spread(thinking) },
    partitions: Object.fromEntries([...partitions].sort(([a], [b]) => (a < b ? -1 : 1))),
    ...(options.show > 0 ? { shown: examples.slice(0, options.show) } : {}),
  }

  output.line(`${file}: ${result.lines} lines, ${result.examples} examples, ${result.usable} usable`)
  const t = result.tokens
  output.line(`tokens: ${t.total} in all; an example has ${t.median} (median), ${t.p95} (95 %), ${t.max} (longest)`)
  output.line(`completion: ${t.completion.median} tokens (median), ${t.completion.max} (longest)`)
  const { thinking: h } = result
  if (h.examples > 0) {
    output.line(
      `thinking: ${h.examples} examples, ${h.tokens} tokens of their completions; ${h.median} (median), ${h.max} (longest)`,
    )
  }
  if (tooLong > 0) output.line(`${tooLong} longer than ${options.maxTokens} tokens are left out (--max-tokens)`)
  if (empty > 0) output.line(`${empty} without a completion are left out`)
  if (result.repeatedPrompts > 0) output.line(`${result.repeatedPrompts} have a prompt that was there before`)
  output.line(`${partitions.size} partition${partitions.size === 1 ? '' : 's'}:`)
  for (const [name, p] of Object.entries(result.partitions)) {
    output.line(`  ${String(p.examples).padStart(8)} examples ${String(p.tokens).padStart(10)} tokens  ${name}`)
  }
  if (result.badLines > 0) {
    output.line(`${result.badLines} bad lines, skipped${bad.length < result.badLines ? '; the first' : ''}:`)
    for (const { line, reason } of bad) output.line(`  line ${line}: ${reason}`)
  }
  for (const [i, e] of (result.shown ?? []).entries()) {
    output.line(`\n--- ${i + 1}, partition ${e.partition} ---\n${e.prompt}\u2502${e.completion}`)
  }
  return result
}

function spread(values: readonly number[]): { readonly median: number; readonly p95: number; readonly max: number } {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { median: at(0.5), p95: at(0.95), max: at(1) }
}
