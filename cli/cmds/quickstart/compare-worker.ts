/**
 * The process that trains what a quickstart is compared with: in the gaps that the rounds leave, at the lowest priority, so that it
 * does not hold them up. Told what to do by one message, answers with remarks and one result.
 */
import { createLayout, initialAdapter } from '../../../src/adapter/layout.ts'
import { aggregatorFor } from '../../../src/aggregate/registry.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { messageOf } from '../../../src/base/errors.ts'
import { loadTokenizer } from '../../../src/data/tokenizer.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import { trainComparison } from './compare.ts'
import type { CompareAnswer, CompareOrder } from './compare-client.ts'

/** Resolves when the message is on its way: a process that ends before loses it. */
const answer = (message: CompareAnswer): Promise<void> =>
  new Promise((resolve, reject) => {
    if (process.send === undefined) resolve()
    else process.send(message, undefined, {}, (error: Error | null) => (error === null ? resolve() : reject(error)))
  })

process.once('message', async ({ modelDir, spec, shards, rounds, proposers, seed, precision }: CompareOrder) => {
  try {
    const [model, tokenizer] = await Promise.all([loadModel(modelDir), loadTokenizer(modelDir)])
    const comparison = await trainComparison({
      engine: createOnnxEngine({ precision }),
      model,
      tokenizer,
      clock: systemClock,
      spec,
      initial: initialAdapter(createLayout(model.config, spec.adapter)),
      aggregator: aggregatorFor(spec.aggregation.rule),
      shards,
      rounds,
      proposers,
      seed,
      say: (text) => void answer({ say: text }),
    })
    await answer({ comparison, rssMb: process.resourceUsage().maxRSS / 1000 })
  } catch (error) {
    await answer({ error: messageOf(error) })
  }
  process.disconnect()
})
