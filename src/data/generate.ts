/**
 * Makes private data for trying things out: organisations of different trades, requests in plain English, and the tool
 * call that answers each as compact JSON. Values are copied from the request, so a model has to generalise.
 *
 * Test and training share no instance. A tool's slot values are dealt to one side by hash, so no test request of a tool
 * holds a combination of values that training has under any wording; every fifth phrasing is kept for the test alone
 * and makes up `UNSEEN_SHARE` of it.
 */
import { sha256 } from '../base/bytes.ts'
import { CoveyError } from '../base/errors.ts'
import { type Random, seededRandom } from '../base/random.ts'
import { bank } from './trades/bank.ts'
import { clinic } from './trades/clinic.ts'
import { courier } from './trades/courier.ts'
import { hotel } from './trades/hotel.ts'
import { insurance } from './trades/insurance.ts'
import { library } from './trades/library.ts'
import { plant } from './trades/plant.ts'
import { school } from './trades/school.ts'
import { shop } from './trades/shop.ts'
import type { Slot, Tool, Trade } from './trades/trade.ts'
import { utility } from './trades/utility.ts'

export const TRADES: readonly Trade[] = [bank, clinic, plant, school, hotel, shop, courier, utility, insurance, library]

/** How generated records become examples. */
export const GENERATED_PROMPT = 'Request: {text}\nCall:'
export const GENERATED_COMPLETION = ' {call}'
export const GENERATED_PARTITION = 'trade'

export interface GeneratedRecord extends Readonly<Record<string, string>> {
  readonly text: string
  /** compact JSON, `{"tool":"transfer","amount":120,"to":"Maria"}` */
  readonly call: string
  readonly trade: string
  /** which wording: trade/tool/phrasing/frame */
  readonly template: string
}

export interface GenerateOptions {
  /** names of TRADES; all when left out */
  readonly trades?: readonly string[]
  readonly perTrade: number
  readonly seed: string | number
  /** which side of the split; training when left out */
  readonly part?: 'train' | 'test'
  /** how many words of each slot's list are used; all when left out. Few are learned sooner: a small model knows no spelling */
  readonly wordsPerSlot?: number
  /** how many of each trade's tools are used; all when left out */
  readonly toolsPerTrade?: number
}

/** Part of a tool's value combinations that belongs to the test. */
const TEST_VALUES = 0.2
/** One phrasing in this many is never trained on. */
const UNSEEN_EVERY = 5
/** Part of the test that uses such a phrasing. */
const UNSEEN_SHARE = 0.3
/** Tries for a request that is not there yet. */
const MAX_TRIES = 1000
const MAX_PER_TRADE = 100_000

/** Around verb phrases. The bare phrase stands twice: it is what most people type. */
const ASK_FRAMES = [
  '{}',
  '{}',
  'please {}',
  '{} please',
  'can you {}',
  'Can you {}?',
  'could you {}',
  'Could you please {}?',
  'I want to {}',
  'I need to {}',
  "I'd like to {}",
  'hi, can you {}',
  'Hello, please {}.',
  'I would like to {}',
  'would you {}',
  '{}, thanks',
  'help me to {}',
  'Good morning, could you {}?',
] as const
/** Around whole sentences. */
const SAY_FRAMES = [
  '{}',
  '{}',
  'hi, {}',
  'hello, {}',
  '{}, thanks',
  'Good morning, {}',
  'excuse me, {}',
  '{} please',
  'sorry, {}',
  'hey, {}',
] as const

type Values = Readonly<Record<string, string | number>>

/**
 * `perTrade` distinct requests of each trade, its tools in turn; the same seed gives the same records on every machine.
 * @throws CoveyError E_ARGUMENT when a trade is unknown or has not so many requests
 */
export function generateRecords(options: GenerateOptions): GeneratedRecord[] {
  const { perTrade, seed, part = 'train', wordsPerSlot = MAX_PER_TRADE, toolsPerTrade = MAX_PER_TRADE } = options
  if (!Number.isSafeInteger(perTrade) || perTrade < 1 || perTrade > MAX_PER_TRADE) {
    throw new CoveyError('E_ARGUMENT', `perTrade: expected 1 to ${MAX_PER_TRADE}, got ${perTrade}`, { perTrade })
  }
  if (!(wordsPerSlot >= 1 && toolsPerTrade >= 1)) {
    throw new CoveyError(
      'E_ARGUMENT',
      `wordsPerSlot, toolsPerTrade: expected at least 1, got ${wordsPerSlot}, ${toolsPerTrade}`,
    )
  }
  const known = TRADES.map((trade) => trade.name)
  return (options.trades ?? known).flatMap((name) => {
    const trade = TRADES.find((t) => t.name === name)
    if (!trade) throw new CoveyError('E_ARGUMENT', `trades: unknown "${name}"; known: ${known.join(', ')}`, { name })
    const random = seededRandom(`generate ${seed} ${part} ${name}`)
    return recordsOf(cutTrade(trade, toolsPerTrade, wordsPerSlot), perTrade, part, random)
  })
}

/** The first tools of a trade, each slot with the first of its words. */
function cutTrade(trade: Trade, tools: number, words: number): Trade {
  const cut = (slot: Slot): Slot => (slot.kind === 'word' ? { ...slot, words: slot.words.slice(0, words) } : slot)
  const cutTool = (tool: Tool): Tool => ({
    ...tool,
    slots: Object.fromEntries(Object.entries(tool.slots).map(([name, slot]) => [name, cut(slot)])),
  })
  return { ...trade, tools: trade.tools.slice(0, tools).map(cutTool) }
}

function recordsOf(trade: Trade, count: number, part: 'train' | 'test', random: Random): GeneratedRecord[] {
  const out: GeneratedRecord[] = []
  const seen = new Set<string>()
  for (let tries = 0; out.length < count; tries++) {
    if (tries > count + MAX_TRIES) {
      throw new CoveyError(
        'E_ARGUMENT',
        `perTrade: ${trade.name} has fewer than ${count} different requests for the ${part} part`,
      )
    }
    const tool = trade.tools[out.length % trade.tools.length] as Tool
    const record = recordOf(trade, tool, part, random)
    if (seen.has(record.text)) continue
    seen.add(record.text)
    out.push(record)
  }
  return out
}

function recordOf(trade: Trade, tool: Tool, part: 'train' | 'test', random: Random): GeneratedRecord {
  const phrasings = [...tool.ask, ...tool.say]
  const unseen = part === 'test' && random.next() < UNSEEN_SHARE
  const usable = phrasings.map((_, i) => i).filter((i) => (i % UNSEEN_EVERY === UNSEEN_EVERY - 1) === unseen)
  const phrasing = usable[random.int(usable.length)] as number
  const frames = phrasing < tool.ask.length ? ASK_FRAMES : SAY_FRAMES
  const frame = random.int(frames.length)
  const values = drawValues(trade, tool, part, random)
  const core = (phrasings[phrasing] as string).replace(/\{(\w+)\}/g, (_, slot: string) => String(values[slot]))
  return {
    text: (frames[frame] as string).replace('{}', () => core),
    call: JSON.stringify({ tool: tool.name, ...values }),
    trade: trade.name,
    template: `${trade.name}/${tool.name}/${phrasing}/${frame}`,
  }
}

/** Draws until the combination is one of this side's. */
function drawValues(trade: Trade, tool: Tool, part: 'train' | 'test', random: Random): Values {
  for (let i = 0; i < MAX_TRIES; i++) {
    const values = Object.fromEntries(Object.entries(tool.slots).map(([name, slot]) => [name, drawValue(slot, random)]))
    if (isTestValues(trade.name, tool.name, values) === (part === 'test')) return values
  }
  throw new CoveyError('E_INTERNAL', `${trade.name}/${tool.name}: no values for the ${part} part`)
}

function drawValue(slot: Slot, random: Random): string | number {
  if (slot.kind === 'word') return slot.words[random.int(slot.words.length)] as string
  return slot.min + slot.step * random.int(Math.floor((slot.max - slot.min) / slot.step) + 1)
}

/** True when this combination of a tool's values belongs to the test. Does not depend on the seed. */
function isTestValues(trade: string, tool: string, values: Values): boolean {
  const hash = Number.parseInt(sha256(JSON.stringify([trade, tool, values])).slice(0, 8), 16)
  return hash / 2 ** 32 < TEST_VALUES
}
