/**
 * Rounds without a network: how well does each way of averaging LoRA factors learn, on real data dealt by whole partitions?
 * Same duties as a real round (train, encode, score nothing, aggregate), one process.
 *
 *   node bench/federated.ts --data train.jsonl --test test.jsonl --prompt 'Utterance: {text}\nIntent:' \
 *     --completion ' {intent}' --partition-by domain --rule frozen-a --rounds 20 [--pooled STEPS] [--json]
 */
import { parseArgs } from 'node:util'
import { benchOptions, quickstartOptionsFrom } from './quickstart-options.ts'
import { askedFor } from './results-file.ts'
import { openRounds } from './rounds.ts'

const { values: a } = parseArgs({
  options: { ...benchOptions, pooled: { type: 'string' }, 'eval-every': { type: 'string', default: '4' } },
})
const options = quickstartOptionsFrom(a)
const every = Number(a['eval-every'])
const rounds = await openRounds(options, Number(a.threads))
const log = (text: string): void => void process.stderr.write(`${text}\n`)
const start = performance.now()
const seconds = (): number => (performance.now() - start) / 1000
const points: { round: number; loss: number; exactMatch: number; seconds: number }[] = []
/** of each round, what its proposers publish */
const bytes: number[] = []
const note = async (round: number, values: Float32Array, most: number): Promise<void> => {
  const count = Math.min(most, rounds.testCount)
  const { loss, exactMatch } = await rounds.evaluate(values, count)
  points.push({ round, loss, exactMatch, seconds: seconds() })
  const exact = (100 * exactMatch).toFixed(1)
  log(`round ${round}: loss ${loss.toFixed(3)} exact ${exact} % of ${count} at ${seconds().toFixed(0)} s`)
}

if (a.pooled !== undefined) {
  const run = rounds.pooled(Number(a.pooled))
  let next = await run.next()
  for (; !next.done; next = await run.next()) {
    const { step, steps, loss, tokensPerSecond } = next.value
    if (step % 25 === 0) log(`step ${step}/${steps} loss ${loss.toFixed(3)} ${tokensPerSecond.toFixed(0)} tokens/s`)
  }
  await note(0, next.value, rounds.testCount)
} else {
  for await (const { round, global, sizes } of rounds.run(options.encoding)) {
    bytes.push(sizes.reduce((sum, size) => sum + size, 0))
    const last = round === options.rounds
    if (last || round % every === 0) await note(round, global, last ? rounds.testCount : options.evalExamples)
  }
}
if (a.json)
  process.stdout.write(
    `${JSON.stringify({ args: askedFor(), rule: rounds.aggregation.rule, points, bytes, seconds: seconds() })}\n`,
  )
await rounds.close()
