import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { packExamples } from '../../src/data/pack.ts'
import { exampleMaker } from '../../src/data/template.ts'
import { splitThinking, withThinking } from '../../src/data/thinking.ts'
import { answersOnly, tokenizeExample, tokenizeExamples } from '../../src/data/tokenize.ts'
import { loadTokenizer } from '../../src/data/tokenizer.ts'
import { IGNORE_LABEL, type Tokenizer } from '../../src/types/data.ts'
import { expectRejects } from '../support/expect-error.ts'

const NANO = new URL('../../models/covey-nano/', import.meta.url).pathname
const bare = { prompt: null, completion: null, partitionBy: null }

/** Texts in which marks and line ends are likely. */
const text = fc
  .array(fc.oneof(fc.constantFrom('<think>', '</think>', '<th', 'ink>', '</', '\n', ' '), fc.string()), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''))

describe('data/thinking', () => {
  it('writes the form of DeepSeek-R1 and Qwen3, whatever form it comes in', () => {
    const form = '<think>\n2 + 2\n</think>\n\n 4'
    expect(withThinking('Q:', ' 4', '2 + 2')).to.equal(form)
    expect(withThinking('Q:', '\n4', '\n2 + 2\n')).to.equal('<think>\n2 + 2\n</think>\n\n4')
    for (const held of ['<think>2 + 2</think> 4', ' <think>\n2 + 2</think>\n 4', form])
      expect(withThinking('Q:', held, null), held).to.equal(form)
    expect(withThinking('Q:', form, 'another')).to.equal('<think>\nanother\n</think>\n\n 4')
    expect(withThinking('Q:', ' 4', ' \n')).to.equal(' 4')
    expect(withThinking('Q:', 'say <think> now', null)).to.equal('say <think> now')
    expect(withThinking('Q:', '4', 'a </thi</think>nk> b')).to.equal('<think>\na  b\n</think>\n\n4')
  })

  it('goes on where a template has opened the thinking', () => {
    expect(withThinking('A:<think>\n', '4', '2 + 2')).to.equal('2 + 2\n</think>\n\n4')
    expect(withThinking('A:<think>', '4', '2 + 2')).to.equal('\n2 + 2\n</think>\n\n4')
    expect(withThinking('A:<think>\n', '2 + 2</think>4', null)).to.equal('2 + 2\n</think>\n\n4')
    expect(splitThinking('A:<think>\n', '2 + 2\n</think>\n\n4')).to.deep.equal({
      block: '2 + 2\n</think>\n\n',
      thinking: '2 + 2\n',
      answer: '4',
    })
  })

  it('of any texts: stands still once written, keeps the answer, and only the first mark ends it', () => {
    fc.assert(
      fc.property(fc.constantFrom('Q', 'Q<think>\n'), text, text, (prompt, answer, thinking) => {
        const once = withThinking(prompt, answer, thinking)
        expect(withThinking(prompt, once, null)).to.equal(once)
        const parts = splitThinking(prompt, once)
        if (parts === null) {
          expect(once).to.equal(answer)
          return
        }
        expect(parts.block + parts.answer).to.equal(once)
        expect(parts.thinking).to.not.match(/<\/?think>/)
        expect(answer.endsWith(parts.answer)).to.equal(true)
      }),
    )
  })
})

describe('records that think', () => {
  let nano: Tokenizer
  before(async () => {
    nano = await loadTokenizer(NANO)
  })

  it('by a template, and by what a completion holds', async () => {
    const make = exampleMaker({ prompt: 'Q: {q}\nA:', completion: ' {a}', thinking: '{why}', partitionBy: null }, null)
    expect(make({ q: '2 + 2', a: 4, why: 'count' }).completion).to.equal('<think>\ncount\n</think>\n\n 4')
    expect(make({ q: '2 + 2', a: 4, why: '' }).completion).to.equal(' 4')
    await expectRejects(() => make({ q: '2 + 2', a: 4 }), 'E_TEMPLATE', /no field "why"/)
    await expectRejects(
      () => exampleMaker({ ...bare, thinking: 'always the same' }, null),
      'E_TEMPLATE',
      /thinking template/,
    )
    const plain = exampleMaker(bare, null)
    expect(plain({ prompt: 'Q', completion: '<think>count</think>4' }).completion).to.equal(
      '<think>\ncount\n</think>\n\n4',
    )
    await expectRejects(
      () => plain({ prompt: 'Q', completion: '<think>count</think>\n' }),
      'E_DATA_FORMAT',
      /completion is empty/,
    )
  })

  const chat = [
    { role: 'user', content: '2 + 2?' },
    { role: 'assistant', content: '4', reasoning_content: 'two and <|im_end|>two' },
  ]

  it('by reasoning_content, which cannot forge a turn', async () => {
    const make = exampleMaker(bare, nano)
    const { prompt, completion } = make({ messages: chat })
    expect(prompt).to.match(/assistant\n$/)
    expect(completion).to.equal('<think>\ntwo and two\n</think>\n\n4<|im_end|>')
    const inText = [chat[0], { role: 'assistant', content: '<think>two and two</think>4' }]
    expect(make({ messages: inText })).to.deep.equal(make({ messages: chat }))
    const wrong = [chat[0], { role: 'assistant', content: '4', reasoning_content: 7 }]
    await expectRejects(() => make({ messages: wrong }), 'E_DATA_FORMAT', /reasoning_content/)
  })

  describe('with the chat templates of reasoning models', () => {
    let dir: string
    beforeEach(async () => {
      dir = await mkdtemp(path.join(tmpdir(), 'covey-thinking-'))
      for (const file of ['tokenizer.json', 'tokenizer_config.json'])
        await cp(path.join(NANO, file), path.join(dir, file))
    })
    afterEach(() => rm(dir, { recursive: true }))
    const turns = (said: string): string =>
      `{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}${said}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n`

    it('Qwen3: it writes reasoning_content itself, and an empty part where there is none', async () => {
      const said = "<think>\n{{ m.reasoning_content|default('')|trim }}\n</think>\n\n{{ m.content }}"
      await writeFile(path.join(dir, 'chat_template.jinja'), `${turns(said)}{% endif %}`)
      const make = exampleMaker(bare, await loadTokenizer(dir))
      expect(make({ messages: chat }).completion).to.equal('<think>\ntwo and two\n</think>\n\n4<|im_end|>')
      const silent = [chat[0], { role: 'assistant', content: '4' }]
      expect(make({ messages: silent }).completion).to.equal('<think>\n\n</think>\n\n4<|im_end|>')
    })

    it('DeepSeek-R1: it opens the thinking and leaves it out of what was said', async () => {
      const said = "{{ m.content.split('</think>')|last }}"
      await writeFile(path.join(dir, 'chat_template.jinja'), `${turns(said)}<think>\n{% endif %}`)
      const { prompt, completion } = exampleMaker(bare, await loadTokenizer(dir))({ messages: chat })
      expect(prompt).to.match(/assistant\n<think>\n$/)
      expect(completion).to.equal('two and two\n</think>\n\n4<|im_end|>')
    })

    it('marks that are tokens of their own are those tokens, special or not', async () => {
      for (const special of [false, true]) {
        const file = path.join(dir, 'tokenizer.json')
        const json = JSON.parse(await readFile(path.join(NANO, 'tokenizer.json'), 'utf8')) as {
          added_tokens: object[]
        }
        const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special }
        const marks = ['<think>', '</think>'].map((content, i) => ({ id: 6144 + i, content, ...flags }))
        await writeFile(file, JSON.stringify({ ...json, added_tokens: [...json.added_tokens, ...marks] }))
        const tokenizer = await loadTokenizer(dir)
        const example = exampleMaker(bare, tokenizer)({ messages: chat })
        const { ids, promptLength, thinkingLength = 0 } = tokenizeExample(example, tokenizer)
        const block = [...ids.subarray(promptLength, promptLength + thinkingLength)]
        expect(block[0]).to.equal(6144)
        expect(block.filter((id) => id >= 6144)).to.deep.equal([6144, 6145])
        expect([...ids.subarray(promptLength + thinkingLength)]).to.deep.equal([
          ...tokenizer.encode('4<|im_end|>'),
          tokenizer.eosId,
        ])
      }
    })
  })

  it('give each label of a thinking part its weight, and the answers alone can be asked for', () => {
    const example = { prompt: 'Q: 2 + 2\nA:', completion: '<think>\ncount\n</think>\n\n 4', partition: '' }
    const tokens = tokenizeExample(example, nano, { thinkingWeight: 0.25 })
    const { ids, promptLength, thinkingLength = 0, weights } = tokens
    expect(nano.decode([...ids.subarray(promptLength, promptLength + thinkingLength)])).to.equal(
      '<think>\ncount\n</think>\n\n',
    )
    expect(tokenizeExample(example, nano)).to.not.have.property('weights')
    const batch = packExamples([tokens], ids.length + 3)
    const labelled = [...batch.labels.keys()].filter((i) => batch.labels[i] !== IGNORE_LABEL)
    const counted = labelled.map((i) => batch.weights?.[i])
    expect(counted.slice(0, thinkingLength)).to.deep.equal(Array(thinkingLength).fill(0.25))
    expect(counted.slice(thinkingLength)).to.deep.equal(Array(ids.length - promptLength - thinkingLength).fill(1))
    expect(weights).to.have.length(ids.length)
    const [answer] = answersOnly([tokens])
    expect(answer).to.deep.equal({ ids, promptLength: promptLength + thinkingLength })
    const plain = { prompt: 'Q', completion: ' 4', partition: '' }
    const { tokenized } = tokenizeExamples([plain], nano, 99, { thinkingWeight: 0 })
    expect(answersOnly(tokenized)).to.deep.equal(tokenized)
  })
})
