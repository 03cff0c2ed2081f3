/**
 * Ways for a node to cheat, so that quickstart and the tests can show that cheating is caught. A node does none of
 * this unless its owner asks for it by `--misbehave`.
 */
import { CoveyError } from '../src/base/errors.ts'
import { gaussian, seededRandom } from '../src/base/random.ts'

/** Makes the published delta out of the honest one, both (layout.size). */
export type Tamper = (delta: Float32Array, round: number) => Float32Array

/** `flip:SCALE` publishes −SCALE·delta, `zeros` nothing, `noise` random numbers of the delta's own size. @throws CoveyError E_CONFIG */
export function parseTamper(text: string): Tamper {
  const [kind, argument, ...rest] = text.split(':')
  if (kind === 'flip' && rest.length === 0) {
    const scale = argument === undefined ? 1 : Number(argument)
    if (Number.isFinite(scale) && scale > 0) return (delta) => delta.map((x) => -scale * x)
  }
  if (text === 'zeros') return (delta) => new Float32Array(delta.length)
  if (text === 'noise') return noise
  throw new CoveyError('E_CONFIG', `misbehave: expected flip[:SCALE], zeros or noise, got ${JSON.stringify(text)}`, {
    setting: 'misbehave',
  })
}

const noise: Tamper = (delta, round) => {
  const random = seededRandom(`noise ${round}`)
  let sum = 0
  let count = 0
  for (const x of delta) {
    sum += x * x
    if (x !== 0) count++
  }
  const deviation = Math.sqrt(sum / Math.max(1, count))
  return delta.map((x) => (x === 0 ? 0 : deviation * gaussian(random)))
}
