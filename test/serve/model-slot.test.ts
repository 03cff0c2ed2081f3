import { expect } from 'chai'
import { complete } from '../../src/serve/completion.ts'
import { ModelSlot, type ServedModel } from '../../src/serve/model-slot.ts'
import { BYTE_EOS, byteTokenizer, FakeInference } from '../support/fake-inference.ts'

const model = (id: string, inference: FakeInference): ServedModel => ({
  id,
  inference,
  tokenizer: byteTokenizer,
  baseDigest: 'ab'.repeat(32),
  adapterDigest: null,
  contextTokens: 64,
  stopIds: [BYTE_EOS],
})

const request = { prompts: [[97]], maxTokens: 20, temperature: 0, topP: 1, seed: 0, stops: [] }

async function text(m: ServedModel): Promise<string> {
  let out = ''
  for await (const piece of complete(m, request, new AbortController().signal)) out += piece.text
  return out
}

describe('ModelSlot', () => {
  it('lets running requests finish on the adapter that they began with', async () => {
    const inference = new FakeInference({ reply: (_p, adapter) => `with ${adapter?.[0] ?? 'none'}`, delay_ms: 1 })
    const slot = new ModelSlot(model('m', inference))
    const before = slot.acquire()
    const running = text(before.model)
    slot.setAdapter(Float32Array.of(2), 'new')
    const after = slot.acquire()
    expect([before.model.adapterDigest, after.model.adapterDigest]).to.deep.equal([null, 'new'])
    expect(await running).to.equal('with none')
    expect(await text(after.model)).to.equal('with 2')
  })

  it('closes a replaced model when its last request has ended', async () => {
    const old = new FakeInference({ reply: () => 'old' })
    const slot = new ModelSlot(model('old', old))
    const [one, two] = [slot.acquire(), slot.acquire()]
    const replaced = slot.replace(model('new', new FakeInference({ reply: () => 'new' })))
    expect(slot.acquire().model.id).to.equal('new')
    one.release()
    one.release()
    expect(old.closed).to.equal(false)
    expect(await text(two.model)).to.equal('old')
    two.release()
    await replaced
    expect(old.closed).to.equal(true)
  })

  it('closes at once when idle, and gives nothing out afterwards', async () => {
    const inference = new FakeInference({ reply: () => '' })
    const slot = new ModelSlot(model('m', inference))
    await slot.close()
    await slot.close()
    expect(inference.closed).to.equal(true)
    expect(() => slot.acquire()).to.throw('not served any more')
  })
})
