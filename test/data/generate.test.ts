import { expect } from 'chai'
import {
  GENERATED_COMPLETION,
  GENERATED_PARTITION,
  GENERATED_PROMPT,
  generateRecords,
  TRADES,
} from '../../src/data/generate.ts'
import { exampleMaker } from '../../src/data/template.ts'
import { loadTokenizer } from '../../src/data/tokenizer.ts'

const NANO = new URL('../../models/covey-nano/', import.meta.url).pathname
/** Longer answers cost training time without making the task more instructive. */
const LONGEST_CALL = 40

describe('data/generate', () => {
  const train = generateRecords({ perTrade: 600, seed: 1 })
  const test = generateRecords({ perTrade: 120, seed: 1, part: 'test' })
  const tool = (call: string): string => (JSON.parse(call) as { tool: string }).tool

  it('has at least eight trades of at least six tools', () => {
    expect(TRADES.length).to.be.at.least(8)
    for (const trade of TRADES) expect(trade.tools.length, trade.name).to.be.at.least(6)
    const names = TRADES.flatMap((trade) => trade.tools.map((t) => t.name))
    expect(new Set(names).size).to.equal(names.length)
  })

  it('phrases every tool in several ways, each with all of its slots', () => {
    for (const trade of TRADES) {
      for (const t of trade.tools) {
        const phrasings = [...t.ask, ...t.say]
        expect(phrasings.length, t.name).to.be.at.least(8)
        expect(new Set(phrasings).size).to.equal(phrasings.length)
        for (const phrasing of phrasings) {
          const used = [...phrasing.matchAll(/\{(\w+)\}/g)].map((m) => m[1])
          expect(used.sort(), phrasing).to.deep.equal(Object.keys(t.slots).sort())
        }
      }
    }
  })

  it('shares no template instance and no combination of values between training and test', () => {
    const instance = (r: { trade: string; call: string }): string => `${r.trade} ${r.call}`
    const learnt = new Set(train.map(instance))
    const texts = new Set(train.map((r) => r.text))
    for (const record of test) {
      expect(learnt.has(instance(record)), record.call).to.equal(false)
      expect(texts.has(record.text)).to.equal(false)
    }
  })

  it('keeps some phrasings for the test', () => {
    const phrasing = (template: string): string => template.split('/').slice(0, 3).join('/')
    const learnt = new Set(train.map((r) => phrasing(r.template)))
    const unseen = test.filter((r) => !learnt.has(phrasing(r.template))).length / test.length
    expect(unseen).to.be.within(0.2, 0.4)
  })

  it('copies every value from the request', () => {
    for (const { text, call } of train) {
      const { tool: _, ...values } = JSON.parse(call) as Record<string, string | number>
      for (const value of Object.values(values)) expect(text).to.include(String(value))
    }
  })

  it('repeats itself for a seed and no request within a trade', () => {
    expect(generateRecords({ perTrade: 600, seed: 1 })).to.deep.equal(train)
    expect(generateRecords({ perTrade: 600, seed: 2 })).to.not.deep.equal(train)
    expect(new Set(train.map((r) => `${r.trade} ${r.text}`)).size).to.equal(train.length)
    const bank = train.filter((r) => r.trade === 'bank')
    expect(bank).to.have.length(600)
    expect(new Set(bank.map((r) => tool(r.call))).size).to.equal(6)
    expect(generateRecords({ trades: ['bank'], perTrade: 600, seed: 1 })).to.deep.equal(bank)
  })

  it('makes short answers', async () => {
    const tokenizer = await loadTokenizer(NANO)
    const make = exampleMaker(
      { prompt: GENERATED_PROMPT, completion: GENERATED_COMPLETION, partitionBy: GENERATED_PARTITION },
      tokenizer,
    )
    for (const record of test) {
      const example = make(record)
      expect(example.partition).to.equal(record.trade)
      expect(tokenizer.encode(example.completion).length).to.be.at.most(LONGEST_CALL)
    }
  })

  it('cuts trades down to the first tools and words, for small models', () => {
    const few = generateRecords({ perTrade: 200, seed: 1, toolsPerTrade: 2, wordsPerSlot: 3 })
    for (const trade of TRADES) {
      const calls = few.filter((r) => r.trade === trade.name).map((r) => JSON.parse(r.call) as Record<string, unknown>)
      expect([...new Set(calls.map((c) => c.tool))]).to.have.members(trade.tools.slice(0, 2).map((tool) => tool.name))
      for (const tool of trade.tools.slice(0, 2))
        for (const [name, slot] of Object.entries(tool.slots)) {
          if (slot.kind !== 'word') continue
          const used = new Set(calls.filter((c) => c.tool === tool.name).map((c) => c[name]))
          expect([...used]).to.have.members(slot.words.slice(0, 3))
        }
    }
    expect(() => generateRecords({ perTrade: 1, seed: 1, toolsPerTrade: 0 })).to.throw(/at least 1/)
  })

  it('refuses unknown trades and impossible numbers', () => {
    expect(() => generateRecords({ trades: ['zoo'], perTrade: 1, seed: 1 })).to.throw(/unknown "zoo"; known: bank/)
    expect(() => generateRecords({ perTrade: 0, seed: 1 })).to.throw(/perTrade/)
    expect(() => generateRecords({ trades: ['bank'], perTrade: 100_000, seed: 1 })).to.throw(/fewer than 100000/)
  })
})
