/**
 * Ways to write one fact as text: dialogues, utterance -> label lines, text -> JSON. The variety is the point: a small
 * model that has seen many formats learns a new one from few examples.
 */
import { type Random, shuffle } from '../src/base/random.ts'

/** One line of multidogo. */
export interface CustomerTurn {
  readonly domain: string
  readonly conv: string
  readonly turn: number
  readonly text: string
  readonly intent: readonly string[]
  readonly slots: readonly (readonly [name: string, value: string])[]
}

export type DialogueStyle = 'chatml' | `${string}/${string}`

/** A dialogue as ChatML, or with the two names before the turns. */
export function dialogueText(turns: readonly { speaker: string; text: string }[], style: DialogueStyle): string {
  if (style === 'chatml') return turns.map((t) => `<|im_start|>${t.speaker}\n${t.text}<|im_end|>`).join('\n')
  const [user, assistant] = style.split('/')
  return turns.map((t) => `${t.speaker === 'user' ? user : assistant}: ${t.text}`).join('\n')
}

/** The data set's run-together intent names as words. Names not here say nothing about the topic and are left out. */
const INTENT_WORDS: Readonly<Record<string, string>> = {
  confirmation: 'confirmation',
  thankyou: 'thank you',
  startserviceintent: 'start service',
  rejection: 'rejection',
  openinggreeting: 'greeting',
  closinggreeting: 'goodbye',
  orderdrinkintent: 'order drink',
  orderpizzaintent: 'order pizza',
  ordersaladintent: 'order salad',
  orderburgerintent: 'order burger',
  orderdessertintent: 'order dessert',
  ordersideintent: 'order side',
  orderbreakfastintent: 'order breakfast',
  changeseatassignment: 'change seat',
  getproofofinsurance: 'proof of insurance',
  getboardingpass: 'boarding pass',
  getseatinfo: 'seat info',
  bookflight: 'book flight',
  reportlostcard: 'lost card',
  replacecard: 'replace card',
  reportbrokensoftware: 'broken software',
  reportbrokenphone: 'broken phone',
  checkclaimstatus: 'claim status',
  updateaddress: 'update address',
  checkbalance: 'check balance',
  softwareupdate: 'software update',
  expensereport: 'expense report',
  transfermoney: 'transfer money',
  disputecharge: 'dispute charge',
  startorder: 'start order',
  changeorder: 'change order',
  stoporder: 'stop order',
  getinformationintent: 'get information',
  checkserverstatus: 'server status',
  viewbillsintent: 'view bills',
  viewdatausageintent: 'data usage',
  closeaccount: 'close account',
  getroutingnumber: 'routing number',
  orderchecks: 'order checks',
  checkoffereligibility: 'check offer',
  transferserviceintent: 'transfer service',
  upgradeserviceintent: 'upgrade service',
  cancelserviceintent: 'cancel service',
  providereceipt: 'receipt',
  getpromotions: 'promotions',
  getchannelpackageintent: 'channel package',
  updateaccountinfo: 'update account',
  outofdomain: 'other',
}

/** Small talk is frequent and teaches little; this share of it stays. */
const SMALL_TALK = new Set([
  'confirmation',
  'thankyou',
  'rejection',
  'openinggreeting',
  'closinggreeting',
  'outofdomain',
])
const SMALL_TALK_SHARE = 0.15

type Writer = (text: string, intent: string, domain: string) => string
const json = (value: unknown): string => JSON.stringify(value)

const LABEL_FORMATS: readonly Writer[] = [
  (t, i) => `Utterance: ${t}\nIntent: ${i}`,
  (t, _, d) => `${t}\nTopic: ${d}`,
  (t, i) => `Text: ${t}\nLabel: ${i}`,
  (t, i) => `Message: ${t}\nIntent: ${i}`,
  (t, i, d) => `Message: ${t}\nDomain: ${d}\nIntent: ${i}`,
  (t, i) => `Q: ${t}\nA: ${i}`,
  (t, i) => `"${t}" -> ${i}`,
  (t, i) => `${t} => ${i}`,
  (t, i, d) => `${t} | ${d} | ${i}`,
  (t, i) => json({ text: t, intent: i }),
  (t, i, d) => `Input: ${t}\nOutput: ${json({ domain: d, intent: i })}`,
  (t, i) => `Request: ${t}\nCall: ${json({ tool: i.replaceAll(' ', '_') })}`,
  (t, i) => `User: ${t}\nTool: ${i.replaceAll(' ', '_')}`,
  (t, i) => `Customer: ${t}\nThe customer wants: ${i}`,
  (t, i) => `Utterance: ${t}\nIntent: ${i.replaceAll(' ', '_')}`,
  (t, _, d) => `Which department is this for? ${t}\nDepartment: ${d}`,
]

const LONGEST_TEXT = 240
/** "yes" labelled `order pizza` makes sense inside its dialogue only */
const FEWEST_WORDS = 3
/** a bare value ("8863") teaches no copying; this share stays */
const BARE_SHARE = 0.1

const wordCount = (text: string): number => text.split(' ').length

/** Sentences as people also type them: a capital and a full stop on some, as the source has neither. */
function dress(text: string, random: Random): string {
  if (random.next() < 0.6) return text
  const capital = text.charAt(0).toUpperCase() + text.slice(1)
  return random.next() < 0.5
    ? capital
    : `${capital}${/^(what|how|can|could|do|does|is|where|when|why|who|will)\b/i.test(text) ? '?' : '.'}`
}

/** Groups lines of one format into documents of 1 to `most` items. */
function grouped(lines: readonly string[], gap: string, most: number, random: Random): string[] {
  const out: string[] = []
  for (let i = 0; i < lines.length; ) {
    const n = 1 + random.int(most)
    out.push(lines.slice(i, i + n).join(gap))
    i += n
  }
  return out
}

/** One pass over the turns that have an intent; each lands in one format, several of a format share a document. */
export function classificationDocuments(turns: readonly CustomerTurn[], random: Random): string[] {
  const lines: string[][] = LABEL_FORMATS.map(() => [])
  for (const turn of shuffle([...turns], random)) {
    const name = turn.intent[0]
    const intent = name === undefined ? undefined : INTENT_WORDS[name]
    if (name === undefined || intent === undefined || turn.intent.length > 1 || turn.text.length > LONGEST_TEXT)
      continue
    if (SMALL_TALK.has(name) ? random.next() >= SMALL_TALK_SHARE : wordCount(turn.text) < FEWEST_WORDS) continue
    const format = random.int(LABEL_FORMATS.length)
    const text = dress(turn.text, random)
    lines[format]?.push(
      (LABEL_FORMATS[format] as Writer)(text, intent, turn.domain === 'fastfood' ? 'fast food' : turn.domain),
    )
  }
  return lines.flatMap((of) => grouped(of, random.next() < 0.5 ? '\n\n' : '\n', 8, random))
}

/** Turns with slots as JSON objects, calls, lists and questions; values are copied from the text. */
export function slotDocuments(turns: readonly CustomerTurn[], random: Random): string[] {
  const lines: string[] = []
  for (const turn of turns) {
    const slots = turn.slots.filter(([, value]) => turn.text.includes(value))
    if (slots.length === 0 || turn.text.length > LONGEST_TEXT) continue
    if (wordCount(turn.text) < FEWEST_WORDS && random.next() >= BARE_SHARE) continue
    const pairs = shuffle(
      slots.map(
        ([name, value]) => [name, /^\d{1,9}$/.test(value) && !value.startsWith('0') ? Number(value) : value] as const,
      ),
      random,
    )
    const args = Object.fromEntries(pairs)
    const intent = INTENT_WORDS[turn.intent[0] ?? ''] ?? 'note'
    const tool = intent.replaceAll(' ', '_')
    const text = turn.text
    const formats = [
      () => `Request: ${text}\nCall: ${json({ tool, args })}`,
      () => `Request: ${text}\nCall: ${json({ tool, ...args })}`,
      () => `Request: ${text}\nCall: ${json({ name: tool, arguments: args })}`,
      () => `Text: ${text}\nSlots: ${json(args)}`,
      () => `${text}\n${json(args)}`,
      () => `Text: ${text}\nFields: ${Object.keys(args).join(', ')}\nJSON: ${json(args)}`,
      () => `${text}\n${pairs.map(([name, value]) => `${name} = ${value}`).join('\n')}`,
      () => pairs.map(([name, value]) => `${text}\nWhat is the ${name.replaceAll('_', ' ')}? ${value}`).join('\n'),
    ]
    lines.push((formats[random.int(formats.length)] as () => string)())
  }
  return grouped(shuffle(lines, random), '\n\n', 5, random)
}

const DAYS = 'Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday'
const MONTHS = 'January|February|March|April|May|June|July|August|September|October|November|December'
const NOT_NAMES = new RegExp(
  `^(?:${DAYS}|${MONTHS}|I|If|In|On|The|A|An|He|She|They|It|His|Her|How|What|When|Then|There|This|That|After|Each|Every|For|At|Of|To|And|But|So|One|Two|Three|Four|Five|By|As|All|Some|Since|With|Mr|Mrs|Ms|Dr|Question)$`,
)
/** Field names that fit what was found; which one is asked for stands in the prompt. */
const NUMBER_FIELDS = ['number', 'count', 'quantity', 'n', 'howmany', 'value']
const MONEY_FIELDS = ['amount', 'price', 'cost', 'sum', 'money']
const NAME_FIELDS = ['name', 'who', 'person', 'to', 'for', 'customer']

/**
 * Sentences with a name, a number, a price, a day or a month -> those as JSON. Copying a value out of a sentence is what
 * tool calls ask for.
 */
export function extractionDocuments(texts: readonly string[], random: Random): string[] {
  const lines: string[] = []
  const pick = <T>(items: readonly T[]): T => items[random.int(items.length)] as T
  for (const text of texts) {
    for (const sentence of text.split(/(?<=[.?!])\s+/)) {
      if (sentence.length < 20 || sentence.length > 160) continue
      const fields: [string, string | number][] = []
      const name = (sentence.match(/\b[A-Z][a-z]+\b/g) ?? []).find((word) => !NOT_NAMES.test(word))
      const day = sentence.match(new RegExp(`\\b(?:${DAYS})\\b`))?.[0]
      const month = sentence.match(new RegExp(`\\b(?:${MONTHS})\\b`))?.[0]
      const money = sentence.match(/\$(\d{1,6})(?![\d.,]*\d)/)?.[1]
      const number = sentence.match(/(?<![$\d.,/])\b(\d{1,6})\b(?![\d.,/%]*\d)/)?.[1]
      if (name !== undefined) fields.push([pick(NAME_FIELDS), name])
      if (money !== undefined) fields.push([pick(MONEY_FIELDS), Number(money)])
      if (number !== undefined) fields.push([pick(NUMBER_FIELDS), Number(number)])
      if (day !== undefined) fields.push(['day', day])
      if (month !== undefined) fields.push(['month', month])
      if (fields.length === 0) continue
      shuffle(fields, random)
      const object = Object.fromEntries(fields)
      const names = fields.map(([field]) => field).join(', ')
      const formats = [
        () => `Text: ${sentence}\nFields: ${names}\nJSON: ${json(object)}`,
        () => `Sentence: ${sentence}\n${fields.map(([field, value]) => `${field}: ${value}`).join('\n')}`,
        () => `Request: ${sentence}\nArguments: ${names}\nCall: ${json({ tool: 'note', ...object })}`,
        () => `Find ${names} in: ${sentence}\n${json(object)}`,
        () => `Note: ${sentence}\nCall: ${json({ tool: 'note', ...object })}`,
      ]
      lines.push((pick(formats) as () => string)())
    }
  }
  return grouped(shuffle(lines, random), '\n\n', 4, random)
}
