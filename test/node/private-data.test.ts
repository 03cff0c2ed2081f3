import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { loadPrivateData } from '../../node/private-data.ts'
import { loadTokenizer } from '../../src/data/tokenizer.ts'
import type { TaskSpec } from '../../src/types/spec.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const NANO = new URL('../../models/covey-nano/', import.meta.url).pathname

describe('a node’s private data', () => {
  const tempFolder = useTempFolders()

  it('thinks as the task’s spec says: the weight is for training, the held-out part is measured plainly', async () => {
    const file = join(await tempFolder(), 'data.jsonl')
    const records = Array.from({ length: 60 }, (_, i) => JSON.stringify({ q: `question ${i}`, why: 'so', a: `a${i}` }))
    await writeFile(file, records.join('\n'))
    const tokenizer = await loadTokenizer(NANO)
    const load = (thinking: object, weight: object) => {
      const data = { prompt: '{q}:', completion: ' {a}', ...thinking }
      const spec = { data, training: { maxTokens: 64, ...weight }, scoring: { privateExamples: 64 } }
      return loadPrivateData({ file, prompt: null, completion: null }, spec as unknown as TaskSpec, tokenizer)
    }
    const { train, heldOut } = await load({ thinking: '{why}' }, { thinkingWeight: 0.5 })
    expect(heldOut.length).to.be.greaterThan(0)
    for (const { weights, thinkingLength = 0, promptLength, ids } of train) {
      expect(thinkingLength).to.be.greaterThan(0)
      expect([...(weights ?? [])].filter((w) => w === 0.5)).to.have.length(thinkingLength)
      expect(weights).to.have.length(ids.length)
      expect(promptLength + thinkingLength).to.be.lessThan(ids.length)
    }
    for (const example of heldOut) expect(example).to.not.have.property('weights')
    expect(heldOut[0]?.thinkingLength).to.be.greaterThan(0)
    const plain = await load({}, {})
    for (const example of [...plain.train, ...plain.heldOut]) expect(example).to.not.have.property('thinkingLength')
  })
})
