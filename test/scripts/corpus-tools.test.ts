import { expect } from 'chai'
import { lexiconOf, toolDocuments } from '../../scripts/corpus-tools.ts'
import { seededRandom } from '../../src/base/random.ts'
import { TRADES } from '../../src/data/generate.ts'

const TEXTS = [
  'Yesterday Natalia sold the clips to Weng, and Betty took the wallet from Julie.',
  'Then Mark washed the garden and the window near the kitchen with Albert.',
]

describe('documents of made-up tools', () => {
  const lexicon = lexiconOf(TEXTS)
  const documents = toolDocuments(300, lexicon, seededRandom('test'))
  const items = documents.flatMap((document) =>
    document
      .replaceAll(/<\|im_start\|>assistant\n|<\|im_end\|>/g, '')
      .replaceAll('<|im_start|>user\n', '')
      .split('\n\n')
      .map((item) => {
        const at = item.indexOf('{')
        return { text: item.slice(0, at), call: JSON.parse(item.slice(at)) as Record<string, string | number> }
      }),
  )

  it('take names from inside sentences and words after an article', () => {
    expect(lexicon.names).to.include.members(['Natalia', 'Weng', 'Betty', 'Albert']).and.not.include('Yesterday')
    expect(lexicon.words).to.include.members(['clips', 'garden', 'kitchen'])
  })

  it('answer every request with a call whose values stand in it', () => {
    expect(items.length).to.be.greaterThan(documents.length)
    for (const { text, call } of items) {
      const { tool, ...values } = call
      expect(tool).to.be.a('string')
      expect(Object.keys(values).length).to.be.within(1, 2)
      for (const value of Object.values(values)) expect(text).to.include(String(value))
    }
  })

  it('are the same for the same seed', () => {
    expect(toolDocuments(300, lexicon, seededRandom('test'))).to.deep.equal(documents)
    expect(toolDocuments(300, lexicon, seededRandom('other'))).to.not.deep.equal(documents)
  })

  it('know no tool of the quickstart’s organisations', () => {
    const known = new Set(
      TRADES.flatMap((trade) => trade.tools.map((tool) => tool.name)).filter((n) => n.includes('_')),
    )
    expect(known.size).to.be.greaterThan(20)
    for (const { call } of items) expect(known.has(String(call.tool))).to.equal(false)
  })
})
