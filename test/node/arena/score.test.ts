import { expect } from 'chai'
import { scoreAdapters, toArenaScore } from '../../../node/arena/score.ts'
import { packAdapter } from '../../../src/adapter/packed.ts'
import { encodeSlice } from '../../../src/data/slices.ts'
import { loadTokenizer } from '../../../src/data/tokenizer.ts'
import { openEngine } from '../../../src/engine/open-engine.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import { ARENA_SCORE_SCALE } from '../../../src/types/arena.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../../../src/types/ledger.ts'
import { methodSettings, movedAdapter } from '../../support/method-settings.ts'
import { useTempFolders } from '../../support/temp-folder.ts'
import { writeTinyModel } from '../../support/tiny-folder.ts'

describe('scores of an arena', () => {
  const tempFolder = useTempFolders()

  it('are the gain over the base; what is no adapter for it is absent, and every validator says the same', async () => {
    const dir = await writeTinyModel(await tempFolder())
    const [model, tokenizer] = [await loadModel(dir), await loadTokenizer(dir)]
    const engine = await openEngine('onnx', { precision: 'fp32', nice: 0, device: 'cpu' })
    const scoring = { engine, model, tokenizer, maxTokens: 32, threads: 1 }
    const slice = encodeSlice([0, 1, 2].map((i) => ({ prompt: `say ${i}:`, completion: ` l${i}`, partition: '' })))
    const settings = methodSettings(model.config)
    const moved = (name: string): Uint8Array => packAdapter(movedAdapter(model, settings[name] as never, 0.05))
    const still = packAdapter(movedAdapter(model, settings.LoRA as never, 0))
    // a prompt of 97 or more tokens leaves no room for 32 of an example in a context of 128
    const wide = { method: 'prompt', virtual: { tokens: 100, seed: 1 } } as const
    const blobs = [
      moved('LoRA'),
      moved('(IA)³'),
      still,
      null,
      Uint8Array.of(1, 2, 3),
      packAdapter(movedAdapter(model, wide)),
    ]
    const { signal } = new AbortController()
    const scores = await scoreAdapters(scoring, slice, blobs, signal)
    expect(scores.slice(2)).to.deep.equal([0, SCORE_ABSENT, SCORE_ABSENT, SCORE_ABSENT])
    expect(scores[0]).to.not.equal(0)
    expect(await scoreAdapters(scoring, slice, blobs, signal)).to.deep.equal(scores)
  })

  it('are clipped, whole, and never the mark for absence', () => {
    expect(toArenaScore(1)).to.equal(ARENA_SCORE_SCALE)
    expect(toArenaScore(-0.00001)).to.equal(0)
    expect(Object.is(toArenaScore(-0.00001), 0)).to.equal(true)
    expect(toArenaScore(Number.POSITIVE_INFINITY)).to.equal(SCORE_CLIP)
    expect(toArenaScore(Number.NEGATIVE_INFINITY)).to.equal(-SCORE_CLIP)
    expect(toArenaScore(Number.NaN)).to.equal(0)
  })
})
