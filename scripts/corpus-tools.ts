/**
 * Requests to tools that do not exist, and the calls that answer them. Every document makes up its own few tools (name,
 * slots, wordings) from words found in the other texts, so that nothing can be learned by heart but the shape: choose
 * the tool that the request speaks of, copy the values. None of the quickstart's wordings, slots or longer tool names is in
 * here; a tool called by one word ("loan") may coincide by chance, with other slots and other requests.
 */
import { type Random, shuffle } from '../src/base/random.ts'

const VERBS =
  'open close find send move start stop check change add remove paint wash build fix show count sort carry weigh cut fill mark store measure lift fold pack cook plant hide draw ring turn'.split(
    ' ',
  )
/** `{}` is the value */
const NUMBER_PHRASES = [
  '{} times',
  'for {} people',
  'number {}',
  'worth {}',
  'with {} pieces',
  'at {}',
  'over {} miles',
  'within {} minutes',
  'of {} pounds',
]
const NAME_PHRASES = ['for {}', 'to {}', 'with {}', 'from {}', 'near {}', "in {}'s room", 'by {}', 'of {}']
const WORD_PHRASES = ['as {}', 'into the {}', 'under the {}', 'for the {}', 'next to the {}', 'from the {}']
const OPENINGS = [
  '{}',
  '{}',
  '{}',
  'please {}',
  '{} please',
  'can you {}',
  'could you {}?',
  'I want to {}',
  'we have to {}',
  'someone should {}',
  'hello, {}',
  '{}, thank you',
] as const
const LAYOUTS: readonly ((text: string, call: string) => string)[] = [
  (t, c) => `Request: ${t}\nCall: ${c}`,
  (t, c) => `Input: ${t}\nOutput: ${c}`,
  (t, c) => `User: ${t}\nTool: ${c}`,
  (t, c) => `Q: ${t}\nA: ${c}`,
  (t, c) => `${t}\n${c}`,
  (t, c) => `<|im_start|>user\n${t}<|im_end|>\n<|im_start|>assistant\n${c}<|im_end|>`,
]

/** Words that the made-up tools are made of. */
export interface Lexicon {
  /** capitalised in the middle of a sentence */
  readonly names: readonly string[]
  /** lower case, 3 to 9 letters */
  readonly words: readonly string[]
}

/** Frequent words of some texts; a word is taken for a name when it is written with a capital inside a sentence. */
export function lexiconOf(texts: readonly string[], most = 2000): Lexicon {
  const names = new Map<string, number>()
  const words = new Map<string, number>()
  for (const text of texts) {
    for (const [, name] of text.matchAll(/[a-z,] ([A-Z][a-z]{2,9})\b/g)) {
      names.set(name as string, (names.get(name as string) ?? 0) + 1)
    }
    for (const [, word] of text.matchAll(/\bthe ([a-z]{3,9})\b/g)) {
      words.set(word as string, (words.get(word as string) ?? 0) + 1)
    }
  }
  const frequent = (counts: Map<string, number>): string[] =>
    [...counts]
      .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      .slice(0, most)
      .map(([word]) => word)
  return { names: frequent(names), words: frequent(words) }
}

interface MadeUpTool {
  readonly name: string
  readonly slots: readonly { readonly name: string; readonly phrases: readonly string[]; draw(): string | number }[]
  readonly wordings: readonly string[]
}

/** `count` documents of 1 to 8 requests each, over 1 to 3 made-up tools. */
export function toolDocuments(count: number, { names, words }: Lexicon, random: Random): string[] {
  const pick = <T>(items: readonly T[]): T => items[random.int(items.length)] as T
  const draws = [
    { phrases: NUMBER_PHRASES, draw: () => random.int(10 ** (1 + random.int(4))) },
    { phrases: NAME_PHRASES, draw: () => pick(names) },
    { phrases: WORD_PHRASES, draw: () => pick(words) },
  ]
  const madeUp = (): MadeUpTool => {
    const verb = pick(VERBS)
    const noun = pick(words)
    const slots = shuffle([...draws], random)
      .slice(0, 1 + random.int(2))
      .map((of) => ({ name: pick(words), ...of, phrases: [pick(of.phrases), pick(of.phrases)] }))
    const wordings = [`${verb} the ${noun}`, `${verb} a ${noun}`, `the ${noun} is what I want to ${verb}`]
    return { name: pick([`${verb}_${noun}`, noun, verb]), slots, wordings }
  }
  const line = (tool: MadeUpTool, layout: (typeof LAYOUTS)[number]): string => {
    const values = tool.slots.map((slot) => [slot.name, slot.draw()] as const)
    const phrases = tool.slots.map((slot, i) => pick(slot.phrases).replace('{}', () => String(values[i]?.[1])))
    const text = pick(OPENINGS).replace('{}', () => [pick(tool.wordings), ...shuffle(phrases, random)].join(' '))
    return layout(text, JSON.stringify({ tool: tool.name, ...Object.fromEntries(values) }))
  }
  return Array.from({ length: count }, () => {
    const tools = Array.from({ length: 1 + random.int(3) }, madeUp)
    const layout = pick(LAYOUTS)
    return Array.from({ length: 1 + random.int(8) }, () => line(pick(tools), layout)).join('\n\n')
  })
}
