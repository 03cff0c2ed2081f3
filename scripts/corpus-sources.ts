/**
 * Reads the public texts that the base model is pre-trained on (training splits only) and turns them into documents of
 * many shapes: plain prose, dialogues, question and answer, prompt -> label, text -> JSON. Used by train-tokenizer.ts
 * and corpus.ts. Benchmark sets (clinc150, every test and validation split) are never read.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { CoveyError } from '../src/base/errors.ts'
import { type Random, seededRandom, shuffle } from '../src/base/random.ts'
import {
  type CustomerTurn,
  classificationDocuments,
  dialogueText,
  extractionDocuments,
  slotDocuments,
} from './corpus-formats.ts'
import { lexiconOf, toolDocuments } from './corpus-tools.ts'

export interface CorpusDocument {
  readonly source: string
  readonly text: string
}

/** name -> licence, as each data set's page states it. */
export const LICENCES: Readonly<Record<string, string>> = {
  prose: 'public domain in the USA (Project Gutenberg texts by way of LitBank)',
  fairytaleqa: 'Apache-2.0 (Xu et al. 2022)',
  multidogo: 'CDLA-Permissive-1.0 (Peskov et al. 2019)',
  taskmaster: 'CC BY 4.0 (Google)',
  gsm8k: 'MIT (Cobbe et al. 2021)',
  tinyshakespeare: 'public domain',
  tools: 'Apache-2.0 (made up by scripts/corpus-tools.ts)',
}

interface Book {
  readonly year: number
  readonly text: string
}
interface Story {
  readonly id: string
  readonly title: string
  readonly split: string
  readonly sections: readonly string[]
}
interface StoryQuestion {
  readonly story: string
  readonly sections: readonly number[]
  readonly question: string
  readonly answer: string
}
interface Dialogue {
  readonly turns: readonly { readonly speaker: string; readonly text: string }[]
}
interface MathProblem {
  readonly question: string
  readonly answer: string
}
interface Speech {
  readonly speaker: string
  readonly text: string
}

function readJsonLines<T>(file: string): T[] {
  if (!existsSync(file)) {
    throw new CoveyError('E_DATA_FORMAT', `${file} is missing; give the folder of data sets with --data`, { file })
  }
  const raw = readFileSync(file)
  const text = (file.endsWith('.gz') ? gunzipSync(raw) : raw).toString('utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}

/** Straight quotes and plain dashes: what people type, and fewer rare bytes. */
const plain = (text: string): string =>
  text
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]/g, '"')
    .replace(/[\u2013\u2014]/g, '--')
    .replace(/\u2026/g, '...')
    .replace(/<\|/g, '< |')

/** Prose of 1895 and later is kept whole, older prose in part: the model is to speak like people of today. */
const MODERN_YEAR = 1895
const OLD_PROSE_SHARE = 0.05
/** Documents of made-up tools: about a sixth of all tokens. */
const TOOL_DOCUMENTS = 20_000

function prose(folder: string, random: Random): string[] {
  return readJsonLines<Book>(path.join(folder, 'prose/books.jsonl.gz'))
    .filter((book) => book.year >= MODERN_YEAR || random.next() < OLD_PROSE_SHARE)
    .map((book) => book.text)
}

function stories(folder: string, random: Random): string[] {
  const all = readJsonLines<Story>(path.join(folder, 'fairytaleqa/stories.jsonl')).filter((s) => s.split === 'train')
  const byId = new Map(all.map((story) => [story.id, story]))
  const out = all.map((story) => `${story.title}\n\n${story.sections.join('\n')}`)
  const bySection = new Map<string, StoryQuestion[]>()
  for (const item of readJsonLines<StoryQuestion>(path.join(folder, 'fairytaleqa/train.jsonl'))) {
    const key = `${item.story}|${item.sections.join(',')}`
    bySection.set(key, [...(bySection.get(key) ?? []), item])
  }
  for (const items of bySection.values()) {
    const first = items[0] as StoryQuestion
    const story = byId.get(first.story)
    if (!story) continue
    const text = first.sections.map((i) => story.sections[i] ?? '').join('\n')
    const pairs = items.map((item) => [item.question, item.answer] as const)
    const style = random.int(4)
    if (style === 0) {
      out.push(`${text}\n\n${pairs.map(([q, a]) => `Question: ${q}\nAnswer: ${a}`).join('\n\n')}`)
    } else if (style === 1) {
      out.push(`${text}\n\n${pairs.map(([q, a]) => `Q: ${q}\nA: ${a}`).join('\n')}`)
    } else {
      const turns = pairs.flatMap(([q, a], i) => [
        { speaker: 'user', text: i === 0 ? `${text}\n\n${q}` : q },
        { speaker: 'assistant', text: a },
      ])
      out.push(dialogueText(turns, style === 2 ? 'chatml' : 'User/Assistant'))
    }
  }
  return out
}

function dialogues(folder: string, random: Random): string[] {
  const all = readJsonLines<Dialogue>(path.join(folder, 'taskmaster/dialogs.jsonl')).filter((d) => d.turns.length > 1)
  const out: string[] = []
  const styles = ['chatml', 'User/Assistant', random.next() < 0.5 ? 'Customer/Clerk' : 'A/B'] as const
  for (const style of styles) {
    let batch: string[] = []
    for (const dialogue of shuffle([...all], random)) {
      const turns = dialogue.turns.map((t) => ({ speaker: t.speaker, text: plain(t.text).trim() }))
      batch.push(dialogueText(turns, style))
      if (random.next() < 0.5) {
        out.push(batch.join('\n'))
        batch = []
      }
    }
    if (batch.length > 0) out.push(batch.join('\n'))
  }
  return out
}

function problems(folder: string, random: Random): string[] {
  const all = readJsonLines<MathProblem>(path.join(folder, 'gsm8k/train.jsonl'))
  const out = all.map(({ question, answer }) => {
    // the calculator marks <<2+3=5>> stay in a few, so that bare sums are seen too
    const text = (random.next() < 0.8 ? answer.replace(/<<[^>]*>>/g, '') : answer).replace(/\n#### /, '\nAnswer: ')
    if (random.next() < 0.5) return `Question: ${question}\n${text}`
    return dialogueText(
      [
        { speaker: 'user', text: question },
        { speaker: 'assistant', text },
      ],
      random.next() < 0.5 ? 'chatml' : 'User/Assistant',
    )
  })
  return [
    ...out,
    ...extractionDocuments(
      all.map((p) => p.question),
      random,
    ),
  ]
}

function plays(folder: string): string[] {
  const speeches = readJsonLines<Speech>(path.join(folder, 'tinyshakespeare/speakers.jsonl'))
  const out: string[] = []
  const SPEECHES = 30 // about one scene
  for (let i = 0; i < speeches.length; i += SPEECHES) {
    out.push(
      speeches
        .slice(i, i + SPEECHES)
        .map((s) => `${s.speaker}:\n${s.text}`)
        .join('\n\n'),
    )
  }
  return out
}

/** How many times the customer turns are written again, each time in other formats. */
const CUSTOMER_PASSES = 6

function customers(folder: string, random: Random): string[] {
  const turns = readJsonLines<CustomerTurn>(path.join(folder, 'multidogo/train.jsonl.gz'))
  const byConversation = new Map<string, string[]>()
  for (const turn of turns) {
    byConversation.set(turn.conv, [...(byConversation.get(turn.conv) ?? []), turn.text])
  }
  const out = [...byConversation.values()].map((texts) => texts.map((text) => `Customer: ${text}`).join('\n'))
  for (let pass = 0; pass < CUSTOMER_PASSES; pass++) {
    out.push(...classificationDocuments(turns, random), ...slotDocuments(turns, random))
  }
  return out
}

function tools(folder: string, random: Random): string[] {
  const texts = readJsonLines<MathProblem>(path.join(folder, 'gsm8k/train.jsonl')).map((problem) => problem.question)
  return toolDocuments(TOOL_DOCUMENTS, lexiconOf(texts), random)
}

/**
 * All documents, in random order.
 * @param folder holds `prose/`, `multidogo/`, … @throws CoveyError E_DATA_FORMAT when a file is missing
 */
export function corpusDocuments(folder: string, seed: string | number): CorpusDocument[] {
  const random = seededRandom(`corpus ${seed}`)
  const parts: readonly [string, readonly string[]][] = [
    ['prose', prose(folder, random)],
    ['fairytaleqa', stories(folder, random)],
    ['multidogo', customers(folder, random)],
    ['taskmaster', dialogues(folder, random)],
    ['gsm8k', problems(folder, random)],
    ['tinyshakespeare', plays(folder)],
    ['tools', tools(folder, random)],
  ]
  const out = parts.flatMap(([source, texts]) => texts.map((text) => ({ source, text: plainDocument(text) })))
  return shuffle(out, random)
}

/** ChatML marks are put in by `dialogueText` only; those are kept. */
function plainDocument(text: string): string {
  return text.includes('<|im_start|>') ? text : plain(text)
}
