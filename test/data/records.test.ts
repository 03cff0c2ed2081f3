import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import fc from 'fast-check'
import { readRecords } from '../../src/data/records.ts'
import { exampleMaker, parseTemplate, toExamples } from '../../src/data/template.ts'
import { tokenizeExample, tokenizeExamples } from '../../src/data/tokenize.ts'
import { loadTokenizer } from '../../src/data/tokenizer.ts'
import type { Tokenizer } from '../../src/types/data.ts'
import { expectRejects } from '../support/expect-error.ts'

const NANO = new URL('../../models/covey-nano/', import.meta.url).pathname
const SECRET = 'canary-7f3a'

describe('data/records', () => {
  let dir: string
  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'covey-records-'))
  })
  after(() => rm(dir, { recursive: true }))
  const put = async (name: string, data: string | Uint8Array): Promise<string> => {
    const file = path.join(dir, name)
    await writeFile(file, data)
    return file
  }
  const good = (n: number): string => Array.from({ length: n }, (_, i) => `{"text":"t${i}"}\n`).join('')

  it('reads plain and gzip files to the same records', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.dictionary(fc.string(), fc.string()), { minLength: 1 }), async (records) => {
        const text = records.map((r) => JSON.stringify(r)).join('\n')
        const plain = await readRecords(await put('a.jsonl', text))
        const zipped = await readRecords(await put('a.jsonl.gz', gzipSync(`${text}\n`)))
        expect(plain.records).to.deep.equal(records.map((r) => JSON.parse(JSON.stringify(r)) as unknown))
        expect(zipped.records).to.deep.equal(plain.records)
      }),
      { numRuns: 25 },
    )
  })

  it('reports broken lines by number and reason, without their text, and skips them', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`${good(40)}\n{"text": ${SECRET}\n["${SECRET}"]\n`),
      Buffer.from([0x7b, 0xff, 0x0a]),
      Buffer.from(`{"text":"${'x'.repeat(300)}"}\r\n`),
    ])
    const file = await readRecords(await put('b.jsonl', bytes), { maxLineBytes: 200 })
    expect(file).to.deep.include({ total: 44, badCount: 4 })
    expect(file.records).to.have.length(40)
    expect(file.bad).to.deep.equal([
      { line: 42, reason: 'not JSON' },
      { line: 43, reason: 'expected a JSON object, got an array' },
      { line: 44, reason: 'not UTF-8' },
      { line: 45, reason: 'longer than 200 bytes' },
    ])
    expect(JSON.stringify(file.bad)).to.not.include(SECRET)
  })

  it('refuses a file that is mostly broken, or empty, or too large, or not there', async () => {
    const text = `${good(8)}x ${SECRET}\n`
    const error = await expectRejects(
      async () => readRecords(await put('c.jsonl', text)),
      'E_DATA_FORMAT',
      /1 of 9 lines.*line 9: not JSON/,
    )
    expect(error.message).to.not.include(SECRET)
    expect((await readRecords(await put('c.jsonl', text), { maxBadShare: 0.2 })).badCount).to.equal(1)
    await expectRejects(async () => readRecords(await put('c.jsonl', '\n \n')), 'E_DATA_EMPTY', /the file is empty/)
    await expectRejects(async () => readRecords(await put('c.jsonl', 'a\nb')), 'E_DATA_EMPTY', /all 2 lines are broken/)
    await expectRejects(async () => readRecords(await put('c.jsonl', good(40)), { maxBytes: 100 }), 'E_TOO_LARGE')
    await expectRejects(
      async () => readRecords(await put('c.gz', gzipSync(good(1).repeat(4000))), { maxBytes: 9000 }),
      'E_TOO_LARGE',
      /unpacks/,
    )
    await expectRejects(async () => readRecords(await put('c.gz', 'plain text')), 'E_DATA_FORMAT', /expected gzip/)
    await expectRejects(
      async () => readRecords(await put('c.gz', gzipSync(good(400)).subarray(0, 200))),
      'E_DATA_FORMAT',
      /gzip/,
    )
    await expectRejects(() => readRecords(path.join(dir, 'none.jsonl')), 'E_DISK')
    await expectRejects(() => readRecords(dir), 'E_DATA_FORMAT', /folder/)
    await expectRejects(
      async () => readRecords(await put('c.jsonl', good(9)), { signal: AbortSignal.abort() }),
      'E_ABORTED',
    )
  })
})

describe('data/template', () => {
  let tokenizer: Tokenizer
  before(async () => {
    tokenizer = await loadTokenizer(NANO)
  })
  const intent = { prompt: 'Utterance: {text}\nIntent:', completion: ' {intent}', partitionBy: 'domain' }

  it('fills fields into templates', () => {
    const make = exampleMaker(intent, null)
    expect(make({ text: 'hi', intent: 'greet', domain: 'talk' })).to.deep.equal({
      prompt: 'Utterance: hi\nIntent:',
      completion: ' greet',
      partition: 'talk',
    })
    const odd = exampleMaker({ prompt: '{{{a.b}}} {n}', completion: '{list}', partitionBy: null }, null)
    expect(odd({ a: { b: '{n}' }, n: 5, list: [1, 'x'] })).to.deep.equal({
      prompt: '{{n}} 5',
      completion: '[1,"x"]',
      partition: 'all',
    })
  })

  it('gives back any text whose braces are doubled', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const parts = parseTemplate(text.replace(/[{}]/g, '$&$&'), 'prompt')
        expect(parts.map((part) => ('text' in part ? part.text : '?')).join('')).to.equal(text)
      }),
    )
  })

  it('names the fields that exist when one does not', async () => {
    const make = exampleMaker(intent, null)
    await expectRejects(
      () => make({ text: 'x', label: 'y', domain: 'z' }),
      'E_TEMPLATE',
      /no field "intent"; the record has: text, label, domain/,
    )
    await expectRejects(() => make({ text: 'x', intent: 'y' }), 'E_TEMPLATE', /no field "domain"/)
    await expectRejects(() => make({ constructor: 'x' }), 'E_TEMPLATE', /no field "text"/)
    const bare = exampleMaker({ prompt: null, completion: null, partitionBy: null }, null)
    await expectRejects(
      () => bare({ text: 'x' }),
      'E_TEMPLATE',
      /expected "messages", or "prompt" and "completion"; the record has: text/,
    )
  })

  for (const [template, message] of [
    ['{', /\{field\} at character 1/],
    ['a {}', /\{field\} at character 3/],
    ['{a{b}', /\{field\}/],
    ['a}', /without its \{ at character 2/],
  ] as const) {
    it(`refuses the template ${template}`, () =>
      expectRejects(() => parseTemplate(template, 'prompt'), 'E_TEMPLATE', message))
  }

  it('refuses half a pair of templates and a completion without a field', async () => {
    await expectRejects(() => exampleMaker({ ...intent, completion: null }, null), 'E_TEMPLATE', /both/)
    await expectRejects(
      () => exampleMaker({ ...intent, completion: 'yes' }, null),
      'E_TEMPLATE',
      /at least one \{field\}/,
    )
  })

  it('learns the last assistant turn of a chat, its end of turn included', async () => {
    const make = exampleMaker({ prompt: null, completion: null, partitionBy: null }, tokenizer)
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello!' },
      { role: 'user', content: 'Bye' },
      { role: 'assistant', content: 'See you.' },
      { role: 'user', content: 'late' },
    ]
    const example = make({ messages })
    expect(example.prompt).to.match(/<\|im_start\|>user\nBye<\|im_end\|>\n<\|im_start\|>assistant\n$/)
    expect(example.completion).to.equal('See you.<|im_end|>')
    await expectRejects(() => make({ messages: [messages[0]] }), 'E_DATA_FORMAT', /at least one of the assistant/)
    await expectRejects(() => make({ messages: [{ role: 'robot', content: 'x' }] }), 'E_DATA_FORMAT', /messages\[0\]/)
    await expectRejects(() => make({ messages: 'x' }), 'E_DATA_FORMAT', /expected a list/)
  })

  it('skips some bad records with a report, refuses a file of them', async () => {
    const file = {
      records: Array.from({ length: 20 }, () => ({ text: 'a', intent: 'b', domain: 'c' })),
      lines: Array.from({ length: 20 }, (_, i) => i + 5),
    }
    const mixed = { ...file, records: file.records.map((r, i) => (i === 3 ? { ...r, intent: ' ' } : r)) }
    const result = toExamples(mixed, intent, null)
    expect(result.examples).to.have.length(19)
    expect(result.bad).to.deep.equal([{ line: 8, reason: 'the completion is empty' }])
    await expectRejects(
      () => toExamples(file, { ...intent, completion: '{label}' }, null),
      'E_TEMPLATE',
      /20 of 20 records.*line 5: no field "label"; the record has: text, intent, domain/,
    )
    await expectRejects(() => toExamples({ records: [], lines: [] }, intent, null), 'E_DATA_EMPTY')
  })

  it('tokenises prompt and completion apart, ends the text, leaves out what is too long', () => {
    const example = { prompt: 'Request: a\nCall:', completion: ' {"tool":"x"}', partition: '' }
    const { ids, promptLength } = tokenizeExample(example, tokenizer)
    expect([...ids.subarray(0, promptLength)]).to.deep.equal(tokenizer.encode(example.prompt))
    expect([...ids.subarray(promptLength)]).to.deep.equal([...tokenizer.encode(example.completion), tokenizer.eosId])
    const { tokenized, tooLong, empty } = tokenizeExamples(
      [example, { ...example, prompt: 'long '.repeat(99) }, { ...example, completion: '' }],
      tokenizer,
      ids.length,
    )
    expect(tokenized).to.deep.equal([{ ids, promptLength }])
    expect([tooLong, empty]).to.deep.equal([1, 1])
  })
})
