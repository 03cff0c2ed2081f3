/** The server on the real engine: a tiny model with random weights, over a socket. */
import { expect } from 'chai'
import { createLayout, initialAdapter } from '../../src/adapter/layout.ts'
import { systemClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { loadTokenizer } from '../../src/data/tokenizer.ts'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import { loadModel } from '../../src/model/folder/load.ts'
import { ModelSlot } from '../../src/serve/model-slot.ts'
import { createServer } from '../../src/serve/server.ts'
import { stopIdsOf } from '../../src/serve/stop-ids.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { tinyLora } from '../support/tiny-config.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

describe('HTTP API on ONNX Runtime', () => {
  const tempFolder = useTempFolders()

  it('answers alike in one piece and streamed, and otherwise after a swap', async () => {
    const dir = await writeTinyModel(await tempFolder())
    const [model, tokenizer] = await Promise.all([loadModel(dir), loadTokenizer(dir)])
    const layout = createLayout(model.config, tinyLora)
    const inference = await createOnnxEngine().openInference({ model, layout, threads: 1 })
    const slot = new ModelSlot({
      id: 'tiny',
      inference,
      tokenizer,
      baseDigest: model.digest,
      adapterDigest: null,
      contextTokens: model.config.maxPositions,
      stopIds: stopIdsOf(tokenizer, model.config),
    })
    const logger = { info: () => {}, warn: () => {}, error: () => {} }
    const api = createServer({ slot, port: 0, clock: systemClock, random: seededRandom(1), logger })
    await api.start()
    try {
      const ask = (stream: boolean): Promise<Response> =>
        fetch(`${api.url}/v1/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            prompt: ['hello', 'a longer prompt'],
            max_tokens: 12,
            temperature: 0.9,
            seed: 3,
            stream,
          }),
        })
      const texts = async (): Promise<string[]> => {
        const answer = (await (await ask(false)).json()) as { choices: { text: string }[] }
        return answer.choices.map((c) => c.text)
      }
      const before = await texts()
      const streamed = ['', '']
      for (const event of (await (await ask(true)).text()).split('\n\n')) {
        if (event === '' || event.endsWith('[DONE]')) continue
        const [choice] = (JSON.parse(event.slice('data: '.length)) as { choices: { index: number; text: string }[] })
          .choices
        if (choice !== undefined) streamed[choice.index] += choice.text
      }
      expect(streamed).to.deep.equal(before)
      // a large adapter: random weights alone give nearly even odds
      const { values } = initialAdapter(layout)
      slot.setAdapter(
        values.map((_, i) => Math.sin(i)),
        'ee'.repeat(32),
      )
      expect(await texts()).not.to.deep.equal(before)
    } finally {
      await api.stop()
      await slot.close()
    }
  })
})
